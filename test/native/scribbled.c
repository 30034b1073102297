/*
 * Publishes long texts in a channel, small ones and split ones, and receives and decodes them, reliably and lossily, while
 * another process changes the memory: whatever goes wrong is left and joined again. Until its standard input ends.
 *
 *   scribbled <channel>
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

enum { LARGEST = 40000 };

static const char schema[] = "{\"a channel of texts\":\"as long as they like to be\"}";
static unsigned char packed[LARGEST + 16];
static uint64_t messages;
static volatile unsigned char sum;

/* Whatever it says. */
static void allow(mmfbus_status status) {
    (void)status;
}

static size_t pack(uint64_t turn) {
    static char text[LARGEST];
    mmfbus_mp_writer writer = mmfbus_mp_write_to(packed, sizeof packed);
    memset(text, 'a' + (int)(turn % 26), sizeof text);
    mmfbus_mp_text(&writer, text, turn % 7 == 0 ? LARGEST : 30 + turn * 37 % 3000);
    return writer.length;
}

static void publish(mmfbus_publisher *publisher, uint64_t turn) {
    size_t length = pack(turn);
    if (mmfbus_publish(publisher, packed, length, 1) == MMFBUS_TOO_LARGE) abort();
}

static void receive(mmfbus_subscriber *subscriber) {
    mmfbus_message message;
    for (int count = 0; count < 50; count++) {
        mmfbus_status status = mmfbus_try_receive(subscriber, &message);
        if (status == MMFBUS_GAP) continue;
        if (status != MMFBUS_OK) return;
        mmfbus_mp_reader reader = mmfbus_mp_read_from(message.data, message.length);
        mmfbus_mp_value value;
        messages++;
        while (mmfbus_mp_next(&reader, &value)) {
            for (uint32_t index = 0; value.data != NULL && index < value.length; index++) sum ^= value.data[index];
        }
    }
}

/* Joins with another schema, so that the text in the channel is read as well. */
static void differ(mmfbus_options options) {
    mmfbus_subscriber *subscriber;
    options.open = MMFBUS_OPEN;
    options.schema = "{\"another\":1}";
    allow(mmfbus_subscriber_open(&subscriber, &options));
    for (const char *text = mmfbus_last_detail(); *text != 0; text++) sum ^= (unsigned char)*text;
    mmfbus_subscriber_close(subscriber);
}

static void live(mmfbus_options options, uint64_t turn) {
    mmfbus_publisher *publisher;
    mmfbus_subscriber *reliable, *lossy;
    options.open = MMFBUS_OPEN;
    options.slow_subscribers = MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT;
    allow(mmfbus_publisher_open(&publisher, &options));
    options.start = (mmfbus_start)(turn % 4);
    allow(mmfbus_subscriber_open(&reliable, &options));
    options.delivery = MMFBUS_DELIVERY_LOSSY;
    allow(mmfbus_subscriber_open(&lossy, &options));
    for (uint64_t count = 0; publisher != NULL && count < 100; count++) {
        publish(publisher, turn * 100 + count);
        if (reliable != NULL) receive(reliable);
        if (lossy != NULL && count % 3 == 0) receive(lossy);
    }
    mmfbus_subscriber_close(lossy);
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(reliable);
}

int main(int count, char *words[]) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    mmfbus_publisher *keeper;
    mmfbus_options options = mmfbus_options_init();
    if (count != 2) return 2;
    options.channel = words[1];
    options.capacity = 65536;
    options.max_message = 100000;
    options.schema = schema;
    options.timeout = 1;
    mmfbus_status status = mmfbus_publisher_open(&keeper, &options);
    if (status != MMFBUS_OK) {
        fprintf(stderr, "%s\n", mmfbus_text(status));
        return 1;
    }
    live(options, 0);
    puts("ready");
    fflush(stdout);
    for (uint64_t turn = 1; poll(&input, 1, 0) == 0; turn++) {
        live(options, turn);
        differ(options);
    }
    mmfbus_publisher_close(keeper);
    printf("%llu messages\n", (unsigned long long)messages);
    return 0;
}
