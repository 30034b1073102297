/* sensor: publishes three readings, as msgpack. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

static mmfbus_status publish_reading(mmfbus_publisher *publisher, const char *sensor, double celsius) {
    uint8_t data[64];
    mmfbus_mp_writer writer = mmfbus_mp_write_to(data, sizeof data);
    mmfbus_mp_map(&writer, 2);
    mmfbus_mp_string(&writer, "sensor");
    mmfbus_mp_string(&writer, sensor);
    mmfbus_mp_string(&writer, "celsius");
    mmfbus_mp_double(&writer, celsius);
    if (!mmfbus_mp_fits(&writer)) return MMFBUS_TOO_LARGE;
    return mmfbus_publish(publisher, data, writer.length, MMFBUS_FOREVER);
}

int main(void) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_publisher *publisher;
    options.channel = "c-readings";
    options.codec = "msgpack";
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    if (status == MMFBUS_OK) status = mmfbus_wait_for_subscribers(publisher, 1, MMFBUS_FOREVER, NULL);
    for (int step = 0; step < 3 && status == MMFBUS_OK; step++) {
        status = publish_reading(publisher, "boiler", 60.0 + step * 0.5);
    }
    mmfbus_publisher_close(publisher);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "sensor: %s\n", mmfbus_text(status));
    return 1;
}
