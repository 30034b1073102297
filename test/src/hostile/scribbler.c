/*
 * Changes a channel's memory while others use it, *valid for valid*: nothing that it writes can be told from what an honest
 * participant might have written there, and most of it is changed back at once. So it finds a program that reads a value twice.
 *
 *   scribbler <file of the segment> <seed> <rounds> <seconds> [kind ...]
 *
 * It ends after so many rounds or seconds (0: no limit), or when its standard input ends, whichever comes first. Then it says
 * how often it changed what; everything but the texts is as it was.
 *
 *   text       runs of ASCII in payloads become three-byte UTF-8 of the same number of bytes, and back
 *   schema     the same with the text of the schema
 *   name       the same with the names of participants
 *   length     lengths of frames, to others that fit
 *   header     kind, flags, publisher and number of frames
 *   fragment   the headers of fragments
 *   geometry   capacity, offsets, counts, limits, lengths, codec, digest and pattern in the segment's header
 *   position   tail, head, and the cursors of slots, to other places where a frame may begin
 *   slot       states, nonces, identities and counters of slots, epoch and counters of the header
 *
 * Without a kind it does all of them. It prints `ready` before it begins.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RING_OFFSET = 24, RING_CAPACITY = 32, PARTICIPANT_COUNT = 44, MAX_PAYLOAD = 52, SCHEMA_OFFSET = 56, SCHEMA_LENGTH = 60 };
enum { CODEC = 64, SCHEMA = 96, HISTORY = 128, MAX_MESSAGE = 136, PATTERN = 152, TAIL = 256, HEAD = 320, SLOTS = 512, SLOT = 256 };
enum { NONCE = 0, CURSOR = 64, STATE = 72, SLOT_NAME = 192, NAME_LENGTH = 48 };
enum { FRAME_HEADER = 24, ALIGNMENT = 32, KIND = 4, FLAGS = 5, PUBLISHER = 6, SEQUENCE = 8 };
/* Of a run in a payload: its first bytes may be a length in the codec's own words, and a run that is shorter a key. */
enum { LONG_ENOUGH = 24, LEFT_ALONE = 8 };
/* Frames that are walked over at most to find one to change, and rounds between two looks at the clock. */
enum { MOST_STEPS = 2000, ROUNDS_A_LOOK = 64 };

static unsigned char *memory;
static size_t segment_length;
static uint64_t ring_offset, capacity, state;
static uint32_t participants, schema_offset, schema_length;

/* xorshift64: the same numbers for the same seed. */
static uint64_t any(uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static uint32_t load32(size_t at) {
    return __atomic_load_n((uint32_t *)(memory + at), __ATOMIC_RELAXED);
}

static uint64_t load64(size_t at) {
    return __atomic_load_n((uint64_t *)(memory + at), __ATOMIC_RELAXED);
}

/* From no time at all to some microseconds: what is changed for that long is seen by half of a copy, or by one of two. */
static void linger(void) {
    for (volatile uint64_t turns = any(8) == 0 ? any(20000) : any(200); turns > 0; turns--) {
    }
}

/* Changes it and changes it back, unless another process has changed it meanwhile. */
static void flip32(size_t at, uint32_t before, uint32_t after) {
    uint32_t *place = (uint32_t *)(memory + at), seen = after;
    if (!__atomic_compare_exchange_n(place, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
    linger();
    __atomic_compare_exchange_n(place, &seen, before, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void flip64(size_t at, uint64_t before, uint64_t after) {
    uint64_t *place = (uint64_t *)(memory + at), seen = after;
    if (!__atomic_compare_exchange_n(place, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
    linger();
    __atomic_compare_exchange_n(place, &seen, before, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void flip8(size_t at, uint8_t after) {
    uint8_t before = __atomic_load_n(memory + at, __ATOMIC_RELAXED), seen = after;
    if (!__atomic_compare_exchange_n(memory + at, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
    linger();
    __atomic_compare_exchange_n(memory + at, &seen, before, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* -- Texts */

static bool is_plain(const unsigned char *byte) {
    return (*byte >= 'a' && *byte <= 'z') || (*byte >= 'A' && *byte <= 'Z') || (*byte >= '0' && *byte <= '9') || *byte == ' ';
}

static bool is_wide(const unsigned char *bytes) {
    return bytes[0] >= 0xe1 && bytes[0] <= 0xec && (bytes[1] & 0xc0) == 0x80 && (bytes[2] & 0xc0) == 0x80;
}

static void write_plain(unsigned char *text, size_t groups) {
    memset(text, 'a' + (int)any(26), groups * 3);
}

static void write_wide(unsigned char *text, size_t groups) {
    for (size_t group = 0; group < groups; group++) memcpy(text + 3 * group, "\xe4\xb8\xad", 3);
}

/* Flips one run, or a part of it, to what it is not. */
static void flip_run(unsigned char *run, size_t groups, bool plain) {
    size_t from = any(2) == 0 ? 0 : any(groups), count = any(2) == 0 ? groups - from : 1 + any(groups - from);
    if (plain) {
        write_wide(run + 3 * from, count);
    } else {
        write_plain(run + 3 * from, count);
    }
}

/* Flips each run of at least so many bytes several times, but for those at its beginning that are to be left alone. */
static bool flip_texts(unsigned char *text, size_t length, size_t shortest, size_t left_alone) {
    int times = 2 + (int)any(8);
    bool found = false;
    for (size_t at = 0; at + 3 <= length;) {
        size_t end = at;
        bool plain = is_plain(text + at);
        if (plain) {
            while (end < length && is_plain(text + end)) end++;
            at = end - at >= shortest ? at + left_alone : end;
        } else if (is_wide(text + at)) {
            while (end + 3 <= length && is_wide(text + end)) end += 3;
        } else {
            at++;
            continue;
        }
        size_t groups = (end - at) / 3;
        for (int time = 0; groups > 0 && time < times; time++) {
            flip_run(text + at, groups, plain);
            plain = !plain;
            found = true;
        }
        at = end > at ? end : at;
    }
    return found;
}

/* -- Frames */

static size_t place_of(uint64_t position) {
    return ring_offset + (position & (capacity - 1));
}

/* A frame that is committed, mostly one of the first that are not given up yet or one of the last; false where none is. */
static bool choose_frame(uint64_t *position, uint32_t *length) {
    uint64_t at = load64(HEAD), tail = load64(TAIL), steps = any(2) == 0 ? any(4) : any(MOST_STEPS);
    bool found = false;
    if (at % ALIGNMENT != 0 || tail % ALIGNMENT != 0) return false;
    for (uint64_t step = 0; step <= steps && at < tail && tail - at <= capacity; step++) {
        uint32_t bytes = load32(place_of(at));
        uint64_t size = ((uint64_t)bytes + FRAME_HEADER + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (size > tail - at || (at & (capacity - 1)) + size > capacity) break;
        *position = at;
        *length = bytes;
        found = true;
        at += size;
    }
    return found;
}

static bool do_text(void) {
    uint64_t position;
    uint32_t length;
    if (!choose_frame(&position, &length)) return false;
    return flip_texts(memory + place_of(position) + FRAME_HEADER, length, LONG_ENOUGH, LEFT_ALONE);
}

static bool do_length(void) {
    uint64_t position;
    uint32_t length;
    if (!choose_frame(&position, &length)) return false;
    uint64_t rest = capacity - (position & (capacity - 1)) - FRAME_HEADER;
    uint32_t others[] = {length + 1, length - 1, length + ALIGNMENT, length - ALIGNMENT, length * 2, length / 2, 0, (uint32_t)rest};
    uint32_t after = others[any(sizeof others / sizeof others[0])];
    if (after > rest || after == length) return false;
    flip32(place_of(position), length, after);
    return true;
}

static bool do_header(void) {
    uint64_t position, number;
    uint32_t length;
    if (!choose_frame(&position, &length)) return false;
    size_t place = place_of(position);
    number = load64(place + SEQUENCE);
    switch (any(4)) {
    case 0: flip8(place + KIND, (uint8_t)(1 + any(5))); break;
    case 3: flip8(place + FLAGS, (uint8_t)any(4)); break;
    case 1: flip8(place + PUBLISHER, (uint8_t)any(participants < 256 ? participants : 256)); break;
    default: flip64(place + SEQUENCE, number, any(2) == 0 ? number + 1 : number - 1);
    }
    return true;
}

static bool do_fragment(void) {
    uint64_t position;
    uint32_t length;
    if (!choose_frame(&position, &length)) return false;
    size_t place = place_of(position);
    uint8_t kind = __atomic_load_n(memory + place + KIND, __ATOMIC_RELAXED);
    if ((kind != 4 && kind != 5) || length <= FRAME_HEADER) return false;
    place += FRAME_HEADER;
    uint64_t began = load64(place);
    uint32_t total = load32(place + 8), offset = load32(place + 12), generation = load32(place + 16);
    switch (any(4)) {
    case 0: flip64(place, began, began + (any(2) == 0 ? ALIGNMENT : -ALIGNMENT)); break;
    case 1: flip32(place + 8, total, any(2) == 0 ? total * 2 : total / 2); break;
    case 2: flip32(place + 12, offset, any(2) == 0 ? offset * 2 : offset / 2); break;
    default: flip32(place + 16, generation, generation + 1);
    }
    return true;
}

/* -- The header and the slots */

static bool do_schema(void) {
    if (schema_length == 0) return false;
    return flip_texts(memory + schema_offset, schema_length, 3, 0);
}

static bool do_geometry(void) {
    uint64_t large;
    uint32_t small;
    switch (any(11)) {
    case 0: flip64(RING_CAPACITY, capacity, any(2) == 0 ? capacity * 2 : capacity / 2); break;
    case 1: flip64(RING_OFFSET, ring_offset, any(2) == 0 ? ring_offset + 4096 : ring_offset - 4096); break;
    case 2: flip32(PARTICIPANT_COUNT, participants, any(2) == 0 ? 2 : 1024); break;
    case 3:
        small = load32(MAX_PAYLOAD);
        flip32(MAX_PAYLOAD, small, any(2) == 0 ? small * 2 : small / 2);
        break;
    case 4: flip32(SCHEMA_OFFSET, schema_offset, schema_offset == 0 ? SLOTS : schema_offset + 8); break;
    case 5: flip32(SCHEMA_LENGTH, schema_length, any(2) == 0 ? schema_length / 2 : schema_length * 2 + 3); break;
    case 6:
        large = load64(MAX_MESSAGE);
        flip64(MAX_MESSAGE, large, any(2) == 0 ? large * 2 : large / 2 + 1);
        break;
    case 7:
        large = load64(HISTORY);
        flip64(HISTORY, large, large == 0 ? 1 : any(2) == 0 ? 0 : large * 2);
        break;
    case 9: flip32(PATTERN, load32(PATTERN), (uint32_t)any(9)); break;
    case 8: flip8(CODEC + any(8), (uint8_t)('a' + any(26))); break;
    default: flip8(SCHEMA + any(32), (uint8_t)any(256));
    }
    return true;
}

static size_t choose_slot(void) {
    return SLOTS + SLOT * any(any(4) == 0 || participants < 6 ? participants : 6);
}

static bool do_name(void) {
    unsigned char *name = memory + choose_slot() + SLOT_NAME;
    /* Shorter than a run elsewhere: nothing but a text stands here. */
    if (is_wide(name)) {
        write_plain(name, NAME_LENGTH / 3);
    } else {
        write_wide(name, NAME_LENGTH / 3);
    }
    return true;
}

static bool do_position(void) {
    static const int64_t distances[] = {ALIGNMENT, -ALIGNMENT, 4 * ALIGNMENT, 4096, -4096};
    size_t places[] = {TAIL, HEAD, choose_slot() + CURSOR};
    size_t at = places[any(3)];
    uint64_t before = load64(at), after = before + (uint64_t)distances[any(5)];
    if (any(3) == 0) after = before + (any(2) == 0 ? capacity : -capacity);
    if (any(4) == 0) after = load64(at == HEAD ? TAIL : HEAD);
    if ((int64_t)after < 0 || after == before) return false;
    flip64(at, before, after);
    return true;
}

static bool do_slot(void) {
    static const size_t words[] = {384, 388, 392, 396, 400, 404, 408};
    size_t slot = choose_slot(), at;
    uint64_t nonce;
    switch (any(4)) {
    case 0: flip32(slot + STATE, load32(slot + STATE), (uint32_t)any(5)); break;
    case 1:
        at = words[any(7)];
        flip32(at, load32(at), any(2) == 0 ? load32(at) + 1 : (uint32_t)any(4));
        break;
    case 2:
        /* pid, generation, asleep, sleeps, wants, lastEnd */
        at = slot + (size_t[]){32, 36, 76, 80, 88, 92}[any(6)];
        flip32(at, load32(at), (uint32_t)any(100000));
        break;
    default:
        nonce = load64(slot + NONCE);
        flip64(slot + NONCE, nonce, any(2) == 0 ? 0 : nonce ^ 1);
    }
    return true;
}

static struct kind {
    const char *name;
    bool (*change)(void);
    uint64_t weight; /* how often it is its turn */
    bool wanted;
    uint64_t changes;
} kinds[] = {
    {"text", do_text, 8, false, 0},         {"schema", do_schema, 2, false, 0},   {"name", do_name, 1, false, 0},
    {"length", do_length, 3, false, 0},     {"header", do_header, 3, false, 0},   {"fragment", do_fragment, 2, false, 0},
    {"geometry", do_geometry, 2, false, 0}, {"position", do_position, 3, false, 0}, {"slot", do_slot, 1, false, 0},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static bool want(const char *name) {
    for (int index = 0; index < KINDS; index++) {
        if (name != NULL && strcmp(kinds[index].name, name) != 0) continue;
        kinds[index].wanted = true;
        if (name != NULL) return true;
    }
    return name == NULL;
}

static void scribble(void) {
    uint64_t weight = 0;
    for (int index = 0; index < KINDS; index++) weight += kinds[index].wanted ? kinds[index].weight : 0;
    uint64_t chosen = any(weight);
    for (int index = 0; index < KINDS; index++) {
        if (!kinds[index].wanted) continue;
        if (chosen < kinds[index].weight) {
            if (kinds[index].change()) kinds[index].changes++;
            return;
        }
        chosen -= kinds[index].weight;
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

int main(int count, char *words[]) {
    if (count < 5) {
        fprintf(stderr, "scribbler <file of the segment> <seed> <rounds> <seconds> [kind ...]\n");
        return 2;
    }
    uint64_t rounds = strtoull(words[3], NULL, 10);
    double seconds = strtod(words[4], NULL);
    state = strtoull(words[2], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    if (count == 5) want(NULL);
    for (int index = 5; index < count; index++) {
        if (want(words[index])) continue;
        fprintf(stderr, "there is no kind %s\n", words[index]);
        return 2;
    }

    struct stat status;
    int file = open(words[1], O_RDWR | O_CLOEXEC);
    if (file < 0) return fail(words[1]);
    if (fstat(file, &status) != 0) return fail("fstat");
    segment_length = (size_t)status.st_size;
    memory = mmap(NULL, segment_length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) return fail("mmap");
    ring_offset = load64(RING_OFFSET);
    capacity = load64(RING_CAPACITY);
    participants = load32(PARTICIPANT_COUNT);
    schema_offset = load32(SCHEMA_OFFSET);
    schema_length = load32(SCHEMA_LENGTH);
    bool makes_sense = capacity > 0 && (capacity & (capacity - 1)) == 0 && ring_offset + capacity <= segment_length &&
                       participants > 0 && SLOTS + (uint64_t)participants * SLOT <= ring_offset &&
                       (uint64_t)schema_offset + schema_length <= ring_offset;
    if (!makes_sense) {
        fprintf(stderr, "%s is no channel\n", words[1]);
        return 1;
    }

    puts("ready");
    fflush(stdout);
    double end = seconds > 0 ? now() + seconds : 0;
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    for (uint64_t round = 0; rounds == 0 || round < rounds; round++) {
        if (round % ROUNDS_A_LOOK == 0 && ((end > 0 && now() >= end) || poll(&input, 1, 0) != 0)) break;
        scribble();
    }
    for (int index = 0; index < KINDS; index++) {
        if (kinds[index].wanted) printf("%s %llu\n", kinds[index].name, (unsigned long long)kinds[index].changes);
    }
    return 0;
}
