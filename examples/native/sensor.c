/* sensor: publishes five temperatures, one each 20 ms, in the channel `readings` as soon as a dashboard has made it. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

static mmfbus_status publish_reading(mmfbus_publisher *publisher, int number, bool is_last) {
    void *place;
    mmfbus_status status = mmfbus_claim(publisher, 64, &place);
    if (status != MMFBUS_OK) return status;
    /* Written where it is read from: in the ring itself. */
    mmfbus_mp_writer writer = mmfbus_mp_write_to(place, 64);
    mmfbus_mp_map(&writer, 3);
    mmfbus_mp_string(&writer, "sensor");
    mmfbus_mp_string(&writer, "boiler");
    mmfbus_mp_string(&writer, "celsius");
    mmfbus_mp_double(&writer, 60.0 + number * 0.5);
    mmfbus_mp_string(&writer, "last");
    mmfbus_mp_bool(&writer, is_last);
    return mmfbus_commit(publisher, writer.length);
}

int main(void) {
    mmfbus_options options = {0};
    mmfbus_publisher *publisher;
    options.channel = "readings";
    options.existence = MMFBUS_OPEN_ONLY;
    mmfbus_status status;
    do {
        status = mmfbus_publisher_open(&publisher, &options);
    } while (status == MMFBUS_ERROR_NOT_FOUND);
    for (int number = 0; number < 5 && status == MMFBUS_OK; number++) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        status = publish_reading(publisher, number, number == 4);
    }
    mmfbus_publisher_close(publisher);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "sensor: %s\n", mmfbus_text(status));
    return 1;
}
