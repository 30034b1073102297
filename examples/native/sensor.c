/* sensor: publishes five temperatures, one each 20 ms, in the channel `readings` as soon as a dashboard has made it. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "reading.h"

#include <stdio.h>

static mmfbus_status publish_reading(mmfbus_publisher *publisher, const reading *value) {
    void *place;
    mmfbus_status status = mmfbus_try_claim(publisher, READING_MAX_SIZE, &place);
    if (status != MMFBUS_OK) return status;
    /* Written where it is read from: in the ring itself. */
    mmfbus_mp_writer writer = mmfbus_mp_write_to(place, READING_MAX_SIZE);
    status = reading_encode(&writer, value, NULL);
    if (status == MMFBUS_OK) return mmfbus_commit(publisher, writer.length);
    mmfbus_abandon(publisher);
    return status;
}

int main(void) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_publisher *publisher;
    options.channel = "readings";
    options.open = MMFBUS_OPEN;
    reading_describe(&options);
    mmfbus_status status;
    do {
        status = mmfbus_publisher_open(&publisher, &options);
    } while (status == MMFBUS_NOT_FOUND);
    for (int number = 0; number < 5 && status == MMFBUS_OK; number++) {
        reading value = {0};
        value.sensor = mmfbus_string_of("boiler");
        value.celsius = 60.0 + number * 0.5;
        value.last = number == 4;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        status = publish_reading(publisher, &value);
    }
    mmfbus_publisher_close(publisher);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "sensor: %s\n", status == MMFBUS_SCHEMA_MISMATCH ? mmfbus_last_detail() : mmfbus_text(status));
    return 1;
}
