/*
 * Gives the header memory that makes no sense: errors are allowed, and everything else that is expected; a crash, a read
 * outside of the mapping, an endless loop or a large allocation is not. To be built with the sanitizers.
 *
 *   hostile <channel> <rounds> <seed>    changes the memory itself, between two calls
 *   hostile <channel> live <seed>        uses a channel that others create and change, until its standard input ends;
 *                                        says `ready` when it has received something
 */
/* The allocator comes first, and so do headers of the system: then this must come before them. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGEST_MESSAGE 100000u

static void *checked_realloc(void *block, size_t size) {
    if (size > LARGEST_MESSAGE) {
        fprintf(stderr, "%zu bytes were to be allocated for a message\n", size);
        abort();
    }
    return realloc(block, size);
}

#define MMFBUS_MALLOC(size) malloc(size)
#define MMFBUS_REALLOC(block, size) checked_realloc(block, size)
#define MMFBUS_FREE(block) free(block)
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

static uint64_t state;
static uint64_t taken;

/* xorshift64: the same numbers for the same seed. */
static uint64_t any(uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static uint64_t any_number(void) {
    static const uint64_t numbers[] = {0, 1, 2, 3, 4, 5, 7, 8, 24, 31, 32, 33, 64, 255, 1000, 1024, 4064, 4095, 4096, 4097,
                                       65535, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x100000000ull, 0x1fffffffffffffull,
                                       0x20000000000000ull, 0x7fffffffffffffffull, 0x8000000000000000ull, UINT64_MAX};
    uint64_t number = any(4) == 0 ? any(UINT64_MAX) : numbers[any(sizeof numbers / sizeof numbers[0])];
    return any(8) == 0 ? number * 32 : number;
}

static void disturb(unsigned char *memory, size_t length) {
    for (uint64_t count = 1 + any(6); count > 0; count--) {
        /* The words that everything depends on, the slots, the frames: each often enough. */
        size_t from = 192, to = 512;
        uint64_t where = any(4);
        if (where == 1) from = 512, to = 512 + 4 * 256;
        if (where > 1) from = length - 4096, to = length;
        size_t size = (size_t)1 << any(4);
        size_t offset = from + (size_t)any((to - from) / size) * size;
        uint64_t number = any_number();
        memcpy(memory + offset, &number, size);
    }
}

/* Whatever it says. */
static void allow(mmfbus_status status) {
    (void)status;
}

static void use(mmfbus_publisher *publisher, mmfbus_subscriber *subscriber) {
    static const char payload[LARGEST_MESSAGE] = {0};
    mmfbus_bytes batch[3] = {{payload, 10}, {payload, 100}, {payload, 0}};
    mmfbus_message message;
    void *place;
    for (int turn = 0; turn < 20; turn++) {
        switch (any(8)) {
        case 0: allow(mmfbus_try_publish(publisher, payload, (size_t)any(1000))); break;
        case 1: allow(mmfbus_try_publish_all(publisher, batch, 3)); break;
        case 2: allow(mmfbus_publish(publisher, payload, (size_t)any(LARGEST_MESSAGE), 1)); break;
        case 3:
            if (mmfbus_try_claim(publisher, 100, &place) == MMFBUS_OK) allow(mmfbus_commit(publisher, (size_t)any(100)));
            break;
        case 4: allow(mmfbus_receive(subscriber, &message, 1)); break;
        case 5: allow(mmfbus_arm(subscriber)); break;
        case 6: allow(mmfbus_wait_for_subscribers(publisher, 1 + (uint32_t)any(3), 1, NULL)); break;
        default:
            while (mmfbus_try_receive(subscriber, &message) == MMFBUS_OK) {
                volatile unsigned char sum = 0;
                taken++;
                for (size_t index = 0; index < message.length; index++) sum ^= ((const unsigned char *)message.data)[index];
            }
        }
    }
}

static uint64_t publisher_incarnation(const mmfbus_publisher *publisher) {
    return publisher == NULL ? 0 : mmfbus_publisher_position(publisher).incarnation;
}

static int round_of(const char *channel, uint64_t round) {
    mmfbus_publisher *publisher = NULL, *late = NULL;
    mmfbus_subscriber *subscriber = NULL;
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.codec = "raw";
    options.capacity = 4096;
    options.max_message = LARGEST_MESSAGE;
    options.max_participants = 4;
    options.timeout = 1;
    options.delivery = round % 2 == 0 ? MMFBUS_DELIVERY_LOSSY : MMFBUS_DELIVERY_RELIABLE;
    options.slow_subscribers = round % 3 == 0 ? MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT : MMFBUS_SLOW_SUBSCRIBERS_WAIT;
    options.start = (mmfbus_start)(round % 5);
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    options.after.incarnation = publisher_incarnation(publisher);
    options.publisher_events = round % 4 < 2;
    if (status == MMFBUS_OK) status = mmfbus_subscriber_open(&subscriber, &options);
    if (status != MMFBUS_OK) {
        fprintf(stderr, "%s\n", mmfbus_text(status));
        return 1;
    }
    use(publisher, subscriber);
    for (int turn = 0; turn < 4; turn++) {
        disturb(publisher->base.memory, publisher->base.segment.length);
        use(publisher, subscriber);
    }
    allow(mmfbus_publisher_open(&late, &options));
    mmfbus_publisher_close(late);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(publisher);
    return 0;
}

/* One publisher and two subscribers come, work, and go; what they are refused they do without. */
static void live_round(const char *channel) {
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscribers[2];
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.open = MMFBUS_OPEN;
    options.codec = "raw";
    options.timeout = 1;
    options.slow_subscribers = any(2) == 0 ? MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT : MMFBUS_SLOW_SUBSCRIBERS_WAIT;
    allow(mmfbus_publisher_open(&publisher, &options));
    for (int which = 0; which < 2; which++) {
        options.delivery = which == 0 ? MMFBUS_DELIVERY_LOSSY : MMFBUS_DELIVERY_RELIABLE;
        options.start = (mmfbus_start)any(5);
        options.after.incarnation = any(2) == 0 ? 0 : publisher_incarnation(publisher);
        options.after.sequence = any(4);
        options.otherwise = (mmfbus_otherwise)any(3);
        options.publisher_events = any(2) == 0;
        allow(mmfbus_subscriber_open(&subscribers[which], &options));
    }
    for (int turn = 0; turn < 10; turn++) use(publisher, subscribers[any(2)]);
    mmfbus_subscriber_close(subscribers[0]);
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscribers[1]);
}

static int live(const char *channel, uint64_t seed) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    uint64_t rounds = 0;
    bool ready = false;
    state = seed * 0x9e3779b97f4a7c15ull + 1;
    for (; poll(&input, 1, 0) == 0; rounds++) {
        live_round(channel);
        if (ready || taken == 0) continue;
        ready = true;
        puts("ready");
        fflush(stdout);
    }
    printf("%llu rounds, %llu messages\n", (unsigned long long)rounds, (unsigned long long)taken);
    return 0;
}

int main(int count, char *words[]) {
    if (count != 4) return 2;
    if (strcmp(words[2], "live") == 0) return live(words[1], strtoull(words[3], NULL, 10));
    uint64_t rounds = strtoull(words[2], NULL, 10), seed = strtoull(words[3], NULL, 10);
    for (uint64_t round = 0; round < rounds; round++) {
        state = (seed + round) * 0x9e3779b97f4a7c15ull + 1;
        if (round_of(words[1], round) != 0) return 1;
    }
    printf("%llu rounds\n", (unsigned long long)rounds);
    return 0;
}
