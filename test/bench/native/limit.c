/*
 * The limit: frames through a ring in shared memory from one process to another, with one producer and one consumer and
 * nothing but what the ring needs: no lock, no second consumer, no history, no wake-ups, no proof against death. A frame
 * is its length, the bytes, and what fills it up to 64 bytes or a multiple of that.
 *
 *   limit [frames] [capacity] [order]     prints nanoseconds a frame
 *   limit ping <times> <order>            prints the median and the 99th percentile of round trips, in nanoseconds
 *   limit cost <frames> <order>           prints nanoseconds of processor time to put a frame, and to take one, alone
 *
 * `relaxed`, the default, stores positions with release and loads them with acquire; `ordered` stores and loads them as a
 * channel does, sequentially consistent; `locked` is ordered, with a lock around each put, so that there may be more
 * producers.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 64, PREFIX = 8, PAYLOAD = FRAME - PREFIX, LARGEST_CAPACITY = 64 << 20 };

struct ring {
    _Alignas(64) _Atomic uint32_t lock;
    _Alignas(64) _Atomic uint64_t tail;
    _Alignas(64) _Atomic uint64_t cursor;
    _Alignas(64) unsigned char bytes[];
};

/* What one side has of a ring. The other one's position is loaded only when what is known of it is used up. */
struct side {
    struct ring *ring;
    uint64_t capacity, position, known;
    bool ordered, locked;
};

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uint64_t load(_Atomic uint64_t *place, bool ordered) {
    return atomic_load_explicit(place, ordered ? memory_order_seq_cst : memory_order_acquire);
}

static void store(_Atomic uint64_t *place, uint64_t value, bool ordered) {
    if (ordered) {
        atomic_store_explicit(place, value, memory_order_seq_cst);
    } else {
        atomic_store_explicit(place, value, memory_order_release);
    }
}

static uint64_t frame_size(uint64_t length) {
    return (length + PREFIX + FRAME - 1) / FRAME * FRAME;
}

static void lock(struct side *side) {
    uint32_t unlocked = 0;
    while (!atomic_compare_exchange_strong(&side->ring->lock, &unlocked, 1)) {
        unlocked = 0;
        relax();
    }
    /* Others may have put something meanwhile. */
    side->position = load(&side->ring->tail, true);
}

static void put(struct side *side, const void *data, uint64_t length) {
    uint64_t size = frame_size(length);
    if (side->locked) lock(side);
    while (side->position + size - side->known > side->capacity) {
        side->known = load(&side->ring->cursor, side->ordered);
        if (side->position + size - side->known > side->capacity) relax();
    }
    unsigned char *place = side->ring->bytes + (side->position & (side->capacity - 1));
    memcpy(place, &length, sizeof length);
    memcpy(place + PREFIX, data, length);
    side->position += size;
    store(&side->ring->tail, side->position, side->ordered);
    if (side->locked) atomic_store(&side->ring->lock, 0);
}

/* The next message as a private copy, as soon as there is one. */
static uint64_t take(struct side *side, void *target) {
    uint64_t length;
    while (side->position == side->known) {
        side->known = load(&side->ring->tail, side->ordered);
        if (side->position == side->known) relax();
    }
    const unsigned char *place = side->ring->bytes + (side->position & (side->capacity - 1));
    memcpy(&length, place, sizeof length);
    memcpy(target, place + PREFIX, length);
    side->position += frame_size(length);
    store(&side->ring->cursor, side->position, side->ordered);
    return length;
}

/* What the words of the command line call an order. */
static struct side new_ring(uint64_t capacity, const char *order) {
    bool locked = strcmp(order, "locked") == 0;
    size_t size = sizeof(struct ring) + capacity;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) exit(2);
    return (struct side){
        .ring = memory, .capacity = capacity, .ordered = locked || strcmp(order, "ordered") == 0, .locked = locked};
}

static int finish(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}

/* The length of each message is read from memory, as that of a program would be: copying it costs what it costs there. */
static int stream(uint64_t frames, uint64_t capacity, const char *order) {
    struct side side = new_ring(capacity, order);
    unsigned char message[PAYLOAD];
    volatile uint64_t length = PAYLOAD;
    memset(message, 7, sizeof message);
    uint64_t begin = now();
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        for (uint64_t index = 0; index < frames; index++) {
            if (take(&side, message) != PAYLOAD || memcmp(message, &index, sizeof index) != 0) _exit(1);
        }
        _exit(0);
    }
    for (uint64_t index = 0; index < frames; index++) {
        memcpy(message, &index, sizeof index);
        put(&side, message, length);
    }
    int status = finish(child);
    printf("%.3f\n", (double)(now() - begin) / (double)frames);
    return status;
}

static int compare(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static int ping(uint64_t times, const char *order) {
    struct side there = new_ring(1 << 16, order), back = new_ring(1 << 16, order);
    unsigned char message[PAYLOAD] = {0};
    uint64_t *trips = malloc(times * sizeof *trips);
    pid_t child = fork();
    if (child < 0 || trips == NULL) return 2;
    for (uint64_t index = 0; index < times; index++) {
        if (child == 0) {
            take(&there, message);
            put(&back, message, PAYLOAD);
            continue;
        }
        uint64_t begin = now();
        put(&there, message, PAYLOAD);
        take(&back, message);
        trips[index] = now() - begin;
    }
    if (child == 0) _exit(0);
    qsort(trips, times, sizeof *trips, compare);
    printf("%llu %llu\n", (unsigned long long)trips[times / 2], (unsigned long long)trips[times * 99 / 100]);
    free(trips);
    return finish(child);
}

static uint64_t processor_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Both sides in one process, in turns of half a ring: what they cost where no other program has the memory in use. */
static int cost(uint64_t frames, const char *order) {
    enum { CAPACITY = 1 << 20, TURN = CAPACITY / FRAME / 2 };
    struct side in = new_ring(CAPACITY, order), out = in;
    unsigned char message[PAYLOAD] = {0};
    uint64_t putting = 0, taking = 0;
    volatile uint64_t length = PAYLOAD;
    for (uint64_t done = 0; done < frames; done += TURN) {
        uint64_t begin = processor_time();
        for (uint64_t index = 0; index < TURN; index++) put(&in, message, length);
        uint64_t between = processor_time();
        for (uint64_t index = 0; index < TURN; index++) take(&out, message);
        putting += between - begin;
        taking += processor_time() - between;
    }
    uint64_t all = (frames + TURN - 1) / TURN * TURN;
    printf("%.3f %.3f\n", (double)putting / (double)all, (double)taking / (double)all);
    return 0;
}

int main(int count, char *words[]) {
    const char *order = count > 3 ? words[3] : "relaxed";
    if (count > 2 && strcmp(words[1], "cost") == 0) return cost(strtoull(words[2], NULL, 10), order);
    if (count > 1 && strcmp(words[1], "ping") == 0) {
        return count > 2 ? ping(strtoull(words[2], NULL, 10), order) : 2;
    }
    uint64_t frames = count > 1 ? strtoull(words[1], NULL, 10) : 10000000;
    uint64_t capacity = count > 2 ? strtoull(words[2], NULL, 10) : 8 << 20;
    if (capacity < 2 * FRAME || capacity > LARGEST_CAPACITY || (capacity & (capacity - 1)) != 0) return 2;
    return stream(frames, capacity, order);
}
