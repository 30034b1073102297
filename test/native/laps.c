/*
 * A lossy subscriber that is lapped at each copy: the publisher is in the same thread, and publishes between the copy and the
 * look at the head. Says `all is well` when the subscriber gets on, and is told exactly what it has missed.
 *
 *   laps <channel>
 */
static void at_step(const char *step);
#define MMFBUS_STEP(name) at_step(name)
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

enum { CAPACITY = 4096, LENGTH = 104, FRAME = 128, RING = CAPACITY / FRAME, ROUNDS = 200 };

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: " #condition "\n", __LINE__); \
            return 1; \
        } \
    } while (0)

static mmfbus_publisher *publisher;
static mmfbus_subscriber *subscriber;
static int messages_a_copy;
static bool is_publishing;

static void publish(int count) {
    unsigned char payload[LENGTH] = {0};
    is_publishing = true;
    while (count-- > 0) {
        uint64_t number = mmfbus_last_published(publisher) + 1;
        memcpy(payload, &number, sizeof number);
        if (mmfbus_try_publish(publisher, payload, sizeof payload) != MMFBUS_OK) abort();
    }
    is_publishing = false;
}

static void at_step(const char *step) {
    if (!is_publishing && publisher != NULL && strcmp(step, "read: copied") == 0) publish(messages_a_copy);
}

/* The number that is due next, after so many calls; 0 when something is wrong. */
static uint64_t receive(uint64_t due, int calls, int *messages) {
    for (int call = 0; call < calls; call++) {
        mmfbus_message message;
        mmfbus_status status = mmfbus_try_receive(subscriber, &message);
        if (status == MMFBUS_OK) {
            uint64_t number;
            memcpy(&number, message.data, sizeof number);
            if (message.sequence != due || number != due) return 0;
            (*messages)++;
            due++;
        } else if (status == MMFBUS_GAP) {
            if (message.from != due || message.to < message.from) return 0;
            due = message.to + 1;
        } else if (status != MMFBUS_EMPTY) {
            return 0;
        }
    }
    return due;
}

int main(int count, char *words[]) {
    mmfbus_options options = mmfbus_options_init();
    uint64_t due = 1;
    int messages = 0;
    if (count != 2) return 2;
    options.channel = words[1];
    options.codec = "raw";
    options.capacity = CAPACITY;
    options.delivery = MMFBUS_DELIVERY_LOSSY;
    CHECK(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    CHECK(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);

    /* Half a ring at each copy: the other half of what was copied is good. */
    messages_a_copy = RING / 2;
    publish(RING);
    CHECK((due = receive(due, ROUNDS, &messages)) != 0);
    CHECK(messages >= ROUNDS / 2);

    /* More than a ring: nothing that was copied is good, which is a gap each time, and never a mistake. */
    messages_a_copy = 2 * RING;
    messages = 0;
    CHECK((due = receive(due, ROUNDS, &messages)) != 0);
    CHECK(due > mmfbus_last_published(publisher) - 5 * RING);

    messages_a_copy = 0;
    CHECK((due = receive(due, 2 * RING, &messages)) == mmfbus_last_published(publisher) + 1);

    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
    puts("all is well");
    return 0;
}
