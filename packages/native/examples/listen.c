/* listen <count>: prints so many messages of the channel `greetings`. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

int main(int count, char *words[]) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    options.channel = "greetings";
    options.codec = "raw";
    options.start = MMFBUS_START_EARLIEST;
    mmfbus_status status = mmfbus_subscriber_open(&subscriber, &options);
    for (int left = count > 1 ? atoi(words[1]) : 1; left > 0 && !mmfbus_is_error(status);) {
        status = mmfbus_receive(subscriber, &message, MMFBUS_FOREVER);
        if (status != MMFBUS_OK) continue; /* a publisher has left, another may come */
        printf("%llu: %.*s\n", (unsigned long long)message.sequence, (int)message.length, (const char *)message.data);
        left--;
    }
    mmfbus_subscriber_close(subscriber);
    if (!mmfbus_is_error(status)) return 0;
    fprintf(stderr, "listen: %s\n", mmfbus_text(status));
    return 1;
}
