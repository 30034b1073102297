/* say <word>...: publishes each word in the channel `greetings`, as soon as another program has created it. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

int main(int count, char *words[]) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_publisher *publisher;
    options.channel = "greetings";
    options.codec = "raw";
    options.open = MMFBUS_OPEN;
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    while (status == MMFBUS_NOT_FOUND) status = mmfbus_publisher_open(&publisher, &options);
    for (int index = 1; index < count && status == MMFBUS_OK; index++) {
        status = mmfbus_publish(publisher, words[index], strlen(words[index]), MMFBUS_FOREVER);
    }
    mmfbus_publisher_close(publisher);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "say: %s\n", mmfbus_text(status));
    return 1;
}
