/*
 * What a channel costs between programs in C, or with another language at the other end.
 *
 *   channel_bench publish <channel> <count> <bytes> <how>   copy, place, time (a copy that says when) or batch; as fast as
 *                                                           there is room
 *   channel_bench receive <channel> <warm-up> <count>       prints nanoseconds a message, after the warm-up
 *   channel_bench ping <there> <back> <times> <asleep>      prints the median and the 99th percentile of round trips
 *   channel_bench pong <there> <back> <times> <asleep>      sends back what comes
 *   channel_bench cost <channel> <count> <bytes> <how>      prints nanoseconds of processor time to publish a message, and
 *                                                           to receive one, alone
 *
 * `asleep` is 1 to wait in the system, 0 to look again and again. A subscriber prints `ready` first.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

enum { LARGEST = 4096, BATCH = 16, CAPACITY = 1 << 20 };

static int failed(const char *what, mmfbus_status status) {
    fprintf(stderr, "%s: %s\n", what, mmfbus_text(status));
    return 1;
}

static mmfbus_options options_for(const char *channel, bool asleep) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.codec = "raw";
    options.capacity = CAPACITY;
    options.poll_window_us = asleep ? 1 : MMFBUS_FOREVER;
    return options;
}

static mmfbus_status publish_one(mmfbus_publisher *publisher, const unsigned char *message, size_t bytes, char how) {
    mmfbus_bytes batch[BATCH];
    void *place;
    if (how == 'c' || how == 't') return mmfbus_try_publish(publisher, message, bytes);
    if (how == 'b') {
        for (size_t index = 0; index < BATCH; index++) {
            batch[index].data = message;
            batch[index].length = bytes;
        }
        return mmfbus_try_publish_all(publisher, batch, BATCH);
    }
    mmfbus_status status = mmfbus_try_claim(publisher, bytes, &place);
    if (status != MMFBUS_OK) return status;
    memcpy(place, message, bytes);
    return mmfbus_commit(publisher, bytes);
}

static int publish(const char *channel, uint64_t count, size_t bytes, char how) {
    static unsigned char message[LARGEST];
    mmfbus_options options = options_for(channel, false);
    mmfbus_publisher *publisher;
    options.no_timestamps = how != 't';
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    if (status != MMFBUS_OK) return failed("publish", status);
    for (uint64_t index = 0; index < count;) {
        memcpy(message, &index, bytes < sizeof index ? bytes : sizeof index);
        status = publish_one(publisher, message, bytes, how);
        if (status == MMFBUS_OK) {
            index += how == 'b' ? BATCH : 1;
        } else if (mmfbus_is_error(status)) {
            return failed("publish", status);
        } else {
            mmfbus__relax();
        }
    }
    mmfbus_publisher_close(publisher);
    return 0;
}

static int receive(const char *channel, uint64_t warm_up, uint64_t count) {
    mmfbus_options options = options_for(channel, false);
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    uint64_t begin = 0, sum = 0;
    mmfbus_status status = mmfbus_subscriber_open(&subscriber, &options);
    if (status != MMFBUS_OK) return failed("receive", status);
    puts("ready");
    fflush(stdout);
    for (uint64_t index = 0; index < warm_up + count;) {
        status = mmfbus_receive(subscriber, &message, MMFBUS_FOREVER);
        if (status != MMFBUS_OK || message.sequence != index + 1) return failed("receive", status);
        sum += *(const unsigned char *)message.data;
        if (++index == warm_up) begin = mmfbus_now();
    }
    printf("%.3f\n", (double)(mmfbus_now() - begin) / (double)count);
    mmfbus_subscriber_close(subscriber);
    return sum == UINT64_MAX;
}

static uint64_t processor_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Both sides in one process, in turns of half a ring: what they cost where no other program has the memory in use. */
static int cost(const char *channel, uint64_t count, size_t bytes, char how) {
    static unsigned char message[LARGEST];
    mmfbus_options options = options_for(channel, false);
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message received;
    uint64_t publishing = 0, receiving = 0, turn = CAPACITY / 2 / mmfbus__frame_size(bytes) / BATCH * BATCH;
    options.no_timestamps = how != 't';
    mmfbus_status status = mmfbus_publisher_open(&publisher, &options);
    if (status == MMFBUS_OK) status = mmfbus_subscriber_open(&subscriber, &options);
    if (status != MMFBUS_OK) return failed("cost", status);
    uint64_t all = (count + turn - 1) / turn * turn;
    for (uint64_t done = 0; done < all && status == MMFBUS_OK; done += turn) {
        uint64_t begin = processor_time();
        for (uint64_t index = 0; index < turn && status == MMFBUS_OK; index += how == 'b' ? BATCH : 1) {
            status = publish_one(publisher, message, bytes, how);
        }
        uint64_t between = processor_time();
        for (uint64_t index = 0; index < turn && status == MMFBUS_OK; index++) status = mmfbus_try_receive(subscriber, &received);
        publishing += between - begin;
        receiving += processor_time() - between;
    }
    if (status != MMFBUS_OK) return failed("cost", status);
    printf("%.3f %.3f\n", (double)publishing / (double)all, (double)receiving / (double)all);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(publisher);
    return 0;
}

static int compare(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static int ping_pong(bool serves, char *words[]) {
    uint64_t times = strtoull(words[4], NULL, 10), *trips = (uint64_t *)malloc(times * sizeof *trips);
    mmfbus_options out = options_for(words[serves ? 2 : 3], words[5][0] == '1');
    mmfbus_options in = options_for(words[serves ? 3 : 2], words[5][0] == '1');
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    unsigned char ball[40] = {0};
    mmfbus_status status = mmfbus_subscriber_open(&subscriber, &in);
    if (status == MMFBUS_OK) status = mmfbus_publisher_open(&publisher, &out);
    if (status != MMFBUS_OK || trips == NULL) return failed("ping-pong", status);
    puts("ready");
    fflush(stdout);
    /* Who serves begins when the other one has said that it is there. */
    if (serves && getchar() == EOF) return 1;
    for (uint64_t index = 0; index < times && status == MMFBUS_OK; index++) {
        uint64_t begin = mmfbus_now();
        if (serves) status = mmfbus_publish(publisher, ball, sizeof ball, MMFBUS_FOREVER);
        while (status == MMFBUS_OK) {
            status = mmfbus_receive(subscriber, &message, MMFBUS_FOREVER);
            if (status == MMFBUS_OK) break;
            /* The other one has not come yet. */
            if (status == MMFBUS_PUBLISHERS_GONE) status = MMFBUS_OK;
        }
        trips[index] = mmfbus_now() - begin;
        if (!serves && status == MMFBUS_OK) status = mmfbus_publish(publisher, message.data, message.length, MMFBUS_FOREVER);
    }
    if (status != MMFBUS_OK) return failed("ping-pong", status);
    if (serves) {
        qsort(trips, times, sizeof *trips, compare);
        printf("%llu %llu\n", (unsigned long long)trips[times / 2], (unsigned long long)trips[times * 99 / 100]);
    }
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
    free(trips);
    return 0;
}

int main(int count, char *words[]) {
    const char *role = count > 1 ? words[1] : "";
    if (count == 6 && strcmp(role, "publish") == 0) {
        size_t bytes = (size_t)strtoull(words[4], NULL, 10);
        return bytes > LARGEST ? 2 : publish(words[2], strtoull(words[3], NULL, 10), bytes, words[5][0]);
    }
    if (count == 6 && strcmp(role, "cost") == 0) {
        size_t bytes = (size_t)strtoull(words[4], NULL, 10);
        return bytes > LARGEST ? 2 : cost(words[2], strtoull(words[3], NULL, 10), bytes, words[5][0]);
    }
    if (count == 5 && strcmp(role, "receive") == 0) {
        return receive(words[2], strtoull(words[3], NULL, 10), strtoull(words[4], NULL, 10));
    }
    if (count == 6 && (strcmp(role, "ping") == 0 || strcmp(role, "pong") == 0)) return ping_pong(role[1] == 'i', words);
    fputs("see the beginning of channel_bench.c\n", stderr);
    return 2;
}
