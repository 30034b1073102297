/*
 * reading_peer hold|join <channel>: takes part with the header that was generated for the examples.
 *
 * `hold` makes the channel, says `ready`, and stays until its input ends. `join` joins one, and says what became of it.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "reading.h"

int main(int count, char *words[]) {
    mmfbus_options options = {0};
    mmfbus_publisher *publisher;
    if (count != 3) return 2;
    options.channel = words[2];
    options.existence = strcmp(words[1], "hold") == 0 ? MMFBUS_CREATE_ONLY : MMFBUS_OPEN_ONLY;
    reading_describe(&options);
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    if (status == MMFBUS_ERROR_SCHEMA) {
        printf("%s: %s\n", mmfbus_text(status), mmfbus_last_difference());
        return 0;
    }
    printf("%s\n", status == MMFBUS_OK ? "ready" : mmfbus_text(status));
    fflush(stdout);
    while (options.existence == MMFBUS_CREATE_ONLY && getchar() != EOF) continue;
    mmfbus_publisher_close(publisher);
    return 0;
}
