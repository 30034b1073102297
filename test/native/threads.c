/*
 * Publishers and subscribers in threads of one process, each a participant of its own, to be built with the sanitizer for
 * threads. Every subscriber checks that it gets every number once, in order, with what belongs to it, or is told of a gap.
 *
 *   threads <channel> <messages>
 */
/* The mapping comes first, and so do headers of the system: then this must come before them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/*
 * Each participant maps the channel for itself, at another address, and the sanitizer would take that for other memory:
 * it would see neither races nor what prevents them. So here they share one mapping, which stays until the end.
 */
static void *map_once(size_t length, int protection, int file) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static void *memory = MAP_FAILED;
    static ino_t mapped;
    struct stat status;
    pthread_mutex_lock(&mutex);
    if (fstat(file, &status) != 0) abort();
    if (memory == MAP_FAILED) {
        memory = mmap(NULL, length, protection, MAP_SHARED, file, 0);
        mapped = status.st_ino;
    }
    if (mapped != status.st_ino) abort();
    pthread_mutex_unlock(&mutex);
    return memory;
}

#define mmap(address, length, protection, flags, file, offset) map_once(length, protection, file)
#define munmap(address, length) ((void)(address))
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

enum { PUBLISHERS = 3, READERS = 3, LARGEST = 5000 };

static const char *channel;
static uint64_t messages;
/* Publishers begin when all subscribers have joined, and the channel stays open until all have left it. */
static pthread_barrier_t joined, done;

#define REQUIRE(condition)                                          \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            exit(1);                                                \
        }                                                           \
    } while (0)

static mmfbus_options options_for(mmfbus_delivery delivery) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.codec = "raw";
    /* The directory would be a second segment. */
    options.not_discoverable = true;
    options.capacity = 8192;
    options.max_message = LARGEST;
    options.delivery = delivery;
    return options;
}

/* Some messages are larger than a frame, so that fragments of several publishers mix. */
static size_t length_of(uint64_t number) {
    return 8 + (size_t)(number % 97 == 0 ? LARGEST - 8 : number * 7 % 300);
}

static mmfbus_status publish_one(mmfbus_publisher *publisher, const unsigned char *message, size_t length, uint64_t number) {
    mmfbus_bytes batch;
    batch.data = message;
    batch.length = length;
    if (number % 5 == 0 && length < 1000) {
        return mmfbus_publish_all(publisher, &batch, 1, MMFBUS_FOREVER);
    }
    return mmfbus_publish(publisher, message, length, MMFBUS_FOREVER);
}

static void *publish(void *argument) {
    unsigned char message[LARGEST];
    mmfbus_options options = options_for(MMFBUS_DELIVERY_RELIABLE);
    mmfbus_publisher *publisher;
    uint64_t which = (uint64_t)(uintptr_t)argument;
    pthread_barrier_wait(&joined);
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    for (uint64_t number = 0; number < messages; number++) {
        size_t length = length_of(number);
        uint64_t mark = which << 32 | number;
        memset(message, (int)(number + which), length);
        memcpy(message, &mark, sizeof mark);
        REQUIRE(publish_one(publisher, message, length, number) == MMFBUS_OK);
    }
    pthread_barrier_wait(&done);
    mmfbus_publisher_close(publisher);
    return NULL;
}

static void check(const mmfbus_message *message, uint64_t next[PUBLISHERS], bool is_lossy) {
    uint64_t mark, which, number;
    REQUIRE(message->length >= sizeof mark);
    memcpy(&mark, message->data, sizeof mark);
    which = mark >> 32;
    number = mark & 0xffffffff;
    REQUIRE(which < PUBLISHERS && message->length == length_of(number));
    REQUIRE(is_lossy ? number >= next[which] : number == next[which]);
    next[which] = number + 1;
    const unsigned char *bytes = (const unsigned char *)message->data;
    for (size_t index = sizeof mark; index < message->length; index++) REQUIRE(bytes[index] == (unsigned char)(number + which));
}

/* Takes messages until all are told of: the first of the readers lossily, the last one without ever sleeping. */
static void *read_all(void *argument) {
    uint64_t which = (uint64_t)(uintptr_t)argument, next[PUBLISHERS] = {0}, sequence = 0;
    mmfbus_options options = options_for(which == 0 ? MMFBUS_DELIVERY_LOSSY : MMFBUS_DELIVERY_RELIABLE);
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    options.poll_window_us = which == READERS - 1 ? MMFBUS_FOREVER : 1;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    pthread_barrier_wait(&joined);
    while (sequence < PUBLISHERS * messages) {
        mmfbus_status status = mmfbus_receive(subscriber, &message, MMFBUS_FOREVER);
        if (status == MMFBUS_PUBLISHERS_GONE) continue;
        if (status == MMFBUS_GAP) {
            REQUIRE(which == 0 && message.from == sequence + 1 && message.to >= message.from);
            sequence = message.to;
            continue;
        }
        REQUIRE(status == MMFBUS_OK && message.sequence == sequence + 1);
        sequence = message.sequence;
        check(&message, next, which == 0);
    }
    pthread_barrier_wait(&done);
    mmfbus_subscriber_close(subscriber);
    return NULL;
}

int main(int count, char *words[]) {
    pthread_t threads[PUBLISHERS + READERS];
    REQUIRE(count == 3);
    channel = words[1];
    messages = strtoull(words[2], NULL, 10);
    /* The next process opens this one: of several that create it at once all but one throw theirs away. */
    mmfbus_subscriber *first;
    mmfbus_options options = options_for(MMFBUS_DELIVERY_LOSSY);
    REQUIRE(mmfbus_subscriber_open(&first, &options) == MMFBUS_OK);
    pthread_barrier_init(&joined, NULL, PUBLISHERS + READERS);
    pthread_barrier_init(&done, NULL, PUBLISHERS + READERS);
    for (uintptr_t index = 0; index < PUBLISHERS + READERS; index++) {
        void *argument = (void *)(index < PUBLISHERS ? index : index - PUBLISHERS);
        REQUIRE(pthread_create(&threads[index], NULL, index < PUBLISHERS ? publish : read_all, argument) == 0);
    }
    for (int index = 0; index < PUBLISHERS + READERS; index++) pthread_join(threads[index], NULL);
    mmfbus_subscriber_close(first);
    pthread_barrier_destroy(&joined);
    pthread_barrier_destroy(&done);
    printf("%llu messages\n", (unsigned long long)(PUBLISHERS * messages));
    return 0;
}
