/*
 * reading_peer hold|join <channel>: joins with the header that was generated for the examples.
 *
 * `hold` makes the channel, says `ready`, and stays until its input ends. `join` joins one, and says what became of it.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "reading.h"

int main(int count, char *words[]) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_publisher *publisher;
    if (count != 3) return 2;
    options.channel = words[2];
    options.open = strcmp(words[1], "hold") == 0 ? MMFBUS_CREATE : MMFBUS_OPEN;
    reading_describe(&options);
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    if (status == MMFBUS_SCHEMA_MISMATCH) {
        printf("%s: %s\n", mmfbus_text(status), mmfbus_last_detail());
        return 0;
    }
    printf("%s\n", status == MMFBUS_OK ? "ready" : mmfbus_text(status));
    fflush(stdout);
    while (options.open == MMFBUS_CREATE && getchar() != EOF) continue;
    mmfbus_publisher_close(publisher);
    return 0;
}
