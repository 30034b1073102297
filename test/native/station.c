/* station <channel>: makes a channel of readings, publishes five and says `published`; leaves at the end of its input. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "reading.h"

#include <stdio.h>

int main(int count, char *arguments[]) {
    if (count != 2) return 2;
    mmfbus_options options = mmfbus_options_init();
    mmfbus_publisher *publisher;
    options.channel = arguments[1];
    options.name = "station";
    reading_describe(&options);
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    for (int number = 0; number < 5 && status == MMFBUS_OK; number++) {
        unsigned char bytes[READING_MAX_SIZE];
        mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
        reading value = {0};
        value.sensor = mmfbus_string_of("boiler");
        value.celsius = 60.0 + number * 0.5;
        value.last = number == 4;
        status = reading_encode(&writer, &value, NULL);
        if (status == MMFBUS_OK) status = mmfbus_publish(publisher, bytes, writer.length, MMFBUS_FOREVER);
    }
    if (status != MMFBUS_OK) {
        fprintf(stderr, "station: %s\n", mmfbus_text(status));
        return 1;
    }
    puts("published");
    fflush(stdout);
    while (getchar() != EOF) continue;
    mmfbus_publisher_close(publisher);
    return 0;
}
