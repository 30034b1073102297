/*
 * The conformance agent in C. The protocol is said in test/src/conformance/README.md.
 *
 *   gcc -std=c11 -O2 -Wall -Wextra -Werror -I ../../packages/native/include conformance_agent.c -o agent -pthread
 */
static void at_step(const char *step);
#define MMFBUS_STEP(name) at_step(name)
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#else
#include <signal.h>
#endif

/* Milliseconds after which a wait is given up as hung. */
#define WATCHDOG 60000
#define LINE_LENGTH 4096
#define LARGEST_BATCH 64

static mmfbus_publisher *publisher;
static mmfbus_subscriber *subscriber;
static unsigned char *content;
static size_t content_capacity;
static char fatal_step[64];
static long steps_left;
static uint64_t microseconds_a_copy;

static void answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void at_step(const char *step) {
    if (microseconds_a_copy > 0 && strcmp(step, "read: copied") == 0) {
        uint64_t end = mmfbus_now() + microseconds_a_copy * 1000;
        while (mmfbus_now() < end) continue;
    }
    if (steps_left == 0 || strcmp(step, fatal_step) != 0 || --steps_left > 0) return;
#ifdef _WIN32
    TerminateProcess(GetCurrentProcess(), 1);
#else
    kill(getpid(), SIGKILL);
#endif
}

static void answer_status(mmfbus_status status) {
    mmfbus_failure failure = mmfbus_last_failure();
    if (status == MMFBUS_OS_ERROR) {
        answer("error %d %s: %s %ld %s", (int)status, mmfbus_text(status), failure.call, failure.number, mmfbus_last_detail());
    } else {
        answer("error %d %s: %s", (int)status, mmfbus_text(status), mmfbus_last_detail());
    }
}

/* The content of the message with that seed; valid until the next call. */
static const unsigned char *content_of(uint32_t seed, size_t length) {
    if (length > content_capacity) {
        free(content);
        content = (unsigned char *)malloc(length);
        if (content == NULL) abort();
        content_capacity = length;
    }
    for (size_t index = 0; index < length; index++) {
        content[index] = (unsigned char)(seed * 31 + index * 7 + (index >> 8));
    }
    return content;
}

static uint32_t digest_of(const void *data, size_t length) {
    const unsigned char *bytes = (const unsigned char *)data;
    uint32_t hash = 2166136261u;
    for (size_t index = 0; index < length; index++) hash = (hash ^ bytes[index]) * 16777619u;
    return hash;
}

/* `after:<incarnation>:<number>`, and where else to begin after another colon. */
static void read_position(mmfbus_options *options, const char *text) {
    char otherwise[16] = "";
    options->start = MMFBUS_START_AFTER;
    sscanf(text, "after:%" SCNx64 ":%" SCNu64 ":%15s", &options->after.incarnation, &options->after.sequence, otherwise);
    if (strcmp(otherwise, "earliest") == 0) options->otherwise = MMFBUS_OTHERWISE_EARLIEST;
    if (strcmp(otherwise, "latest") == 0) options->otherwise = MMFBUS_OTHERWISE_LATEST;
}

static bool read_option(mmfbus_options *options, const char *word) {
    const char *value = strchr(word, '=');
    if (value == NULL) return false;
    size_t length = (size_t)(value++ - word);
    uint64_t number = strtoull(value, NULL, 10);
    if (strncmp(word, "capacity", length) == 0) {
        options->capacity = number;
    } else if (strncmp(word, "history", length) == 0) {
        options->history = number;
    } else if (strncmp(word, "maxMessage", length) == 0) {
        options->max_message = number;
    } else if (strncmp(word, "participants", length) == 0) {
        options->max_participants = (uint32_t)number;
    } else if (strncmp(word, "scope", length) == 0) {
        options->scope = strcmp(value, "machine") == 0 ? MMFBUS_SCOPE_MACHINE : MMFBUS_SCOPE_USER;
    } else if (strncmp(word, "mode", length) == 0) {
        options->mode = (unsigned)strtoul(value, NULL, 8);
    } else if (strncmp(word, "group", length) == 0) {
        options->group = value;
    } else if (strncmp(word, "slowSubscribers", length) == 0) {
        bool disconnects = strcmp(value, "disconnect") == 0;
        options->slow_subscribers = disconnects ? MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT : MMFBUS_SLOW_SUBSCRIBERS_WAIT;
    } else if (strncmp(word, "discoverable", length) == 0) {
        options->not_discoverable = strcmp(value, "no") == 0;
    } else if (strncmp(word, "name", length) == 0) {
        options->name = value;
    } else if (strncmp(word, "publisherEvents", length) == 0) {
        options->publisher_events = strcmp(value, "yes") == 0;
    } else if (strncmp(word, "delivery", length) == 0) {
        options->delivery = strcmp(value, "lossy") == 0 ? MMFBUS_DELIVERY_LOSSY : MMFBUS_DELIVERY_RELIABLE;
    } else if (strcmp(value, "earliest") == 0) {
        options->start = MMFBUS_START_EARLIEST;
    } else if (strcmp(value, "history") == 0) {
        options->start = MMFBUS_START_HISTORY;
    } else if (strncmp(value, "after:", 6) == 0) {
        read_position(options, value);
    }
    return true;
}

static void join(bool publishes, char *words[], int count) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = words[1];
    options.codec = "raw";
    options.start = MMFBUS_START_LATEST;
    /* The directory has a lock and slots as well, whose steps are not what is asked for. */
    options.not_discoverable = steps_left > 0;
    for (int index = 2; index < count; index++) {
        if (!read_option(&options, words[index])) {
            answer("error option %s", words[index]);
            return;
        }
    }
    mmfbus_status status = publishes ? mmfbus_publisher_open(&publisher, &options)
                                     : mmfbus_subscriber_open(&subscriber, &options);
    if (status == MMFBUS_OK) {
        answer("ok %s", mmfbus_last_detail());
    } else {
        answer_status(status);
    }
}

static void publish(uint32_t seed, size_t length, uint32_t count) {
    for (uint32_t index = 0; index < count; index++) {
        mmfbus_status status = mmfbus_publish(publisher, content_of(seed + index, length), length, WATCHDOG);
        if (status != MMFBUS_OK) {
            answer_status(status);
            return;
        }
    }
    answer("ok");
}

/* Without waiting, and in place, so that this way is tried as well. */
static void try_publishing(uint32_t seed, size_t length, uint32_t count) {
    mmfbus_status status = MMFBUS_OK;
    uint32_t published = 0;
    while (published < count) {
        void *place;
        const unsigned char *source = content_of(seed + published, length);
        status = mmfbus_try_claim(publisher, length, &place);
        if (status != MMFBUS_OK) break;
        memcpy(place, source, length);
        status = mmfbus_commit(publisher, length);
        if (status != MMFBUS_OK) break;
        published++;
    }
    if (mmfbus_is_error(status)) {
        answer_status(status);
    } else {
        answer("ok %u %s", published, status == MMFBUS_OK ? "published" : status == MMFBUS_FULL ? "full" : "busy");
    }
}

static void publish_batch(uint32_t seed, size_t length, uint32_t count) {
    mmfbus_bytes messages[LARGEST_BATCH];
    if (count > LARGEST_BATCH) count = LARGEST_BATCH;
    unsigned char *all = (unsigned char *)malloc(length * count + 1);
    for (uint32_t index = 0; index < count; index++) {
        memcpy(all + length * index, content_of(seed + index, length), length);
        messages[index].data = all + length * index;
        messages[index].length = length;
    }
    mmfbus_status status = mmfbus_try_publish_all(publisher, messages, count);
    free(all);
    if (mmfbus_is_error(status)) {
        answer_status(status);
    } else {
        answer("ok %s", status == MMFBUS_OK ? "published" : status == MMFBUS_FULL ? "full" : "busy");
    }
}

static const char *word_of(mmfbus_reason reason) {
    return reason == MMFBUS_REASON_DIED ? "died" : reason == MMFBUS_REASON_LEFT ? "left" : "unknown";
}

/* Takes messages until so many numbers are accounted for; with 0 all there are, without waiting. */
static void receive(uint64_t numbers) {
    uint64_t accounted = 0;
    while (numbers == 0 || accounted < numbers) {
        mmfbus_message message;
        mmfbus_status status = numbers == 0 ? mmfbus_try_receive(subscriber, &message)
                                            : mmfbus_receive(subscriber, &message, WATCHDOG);
        if (status == MMFBUS_OK) {
            answer("message %" PRIu64 " %zu %08" PRIx32, message.sequence, message.length,
                   digest_of(message.data, message.length));
            accounted++;
        } else if (status == MMFBUS_GAP) {
            answer("gap %" PRIu64 " %" PRIu64, message.from, message.to);
            accounted += message.to - message.from + 1;
        } else if (status == MMFBUS_PUBLISHERS_GONE) {
            answer("gone %s", word_of(message.reason));
            break;
        } else if (status == MMFBUS_PUBLISHER_JOINED) {
            answer("joined %s", message.name);
        } else if (status == MMFBUS_PUBLISHER_LEFT) {
            answer("left %s %s %" PRIu32, message.name, word_of(message.reason), message.remaining);
        } else if (status == MMFBUS_DISCONNECTED) {
            answer("disconnected");
            break;
        } else if (status == MMFBUS_EMPTY) {
            break;
        } else {
            answer_status(status);
            return;
        }
    }
    answer("ok");
}

static void tell_position(bool publishes) {
    mmfbus_position position = publishes ? mmfbus_publisher_position(publisher) : mmfbus_subscriber_position(subscriber);
    answer("ok %016" PRIx64 " %" PRIu64, position.incarnation, position.sequence);
}

static void wait_for_subscribers(uint32_t count) {
    uint32_t there;
    mmfbus_status status = mmfbus_wait_for_subscribers(publisher, count, WATCHDOG, &there);
    if (status == MMFBUS_OK) {
        answer("ok %" PRIu32, there);
    } else {
        answer_status(status);
    }
}

static void leave(bool publishes) {
    if (publishes) {
        mmfbus_publisher_close(publisher);
        publisher = NULL;
    } else {
        mmfbus_subscriber_close(subscriber);
        subscriber = NULL;
    }
    answer("ok");
}

/* `die-at <times> <step>`: the name of a step has spaces. */
static bool read_fatal_step(const char *line) {
    int end = 0;
    if (sscanf(line, "die-at %ld %n", &steps_left, &end) != 1) return false;
    snprintf(fatal_step, sizeof fatal_step, "%s", line + end);
    fatal_step[strcspn(fatal_step, "\r\n")] = 0;
    answer("ok");
    return true;
}

/* Takes all descriptors that there are but so many, or gives them back. */
static void starve(bool takes, uint64_t left) {
#ifndef _WIN32
    static int taken[LINE_LENGTH], count;
    while (takes && count < LINE_LENGTH && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) count++;
    while ((!takes || left-- > 0) && count > 0) close(taken[--count]);
#endif
    (void)takes;
    (void)left;
    answer("ok");
}

static bool obey(char *line) {
    char *words[12] = {0};
    int count = 0;
    if (read_fatal_step(line)) return true;
    for (char *word = strtok(line, " \r\n"); word != NULL && count < 12; word = strtok(NULL, " \r\n")) words[count++] = word;
    if (count == 0 || strcmp(words[0], "exit") == 0) return false;
    const char *command = words[0];
    uint64_t first = count > 1 ? strtoull(words[1], NULL, 10) : 0;
    size_t length = count > 2 ? (size_t)strtoull(words[2], NULL, 10) : 0;
    uint32_t times = count > 3 ? (uint32_t)strtoul(words[3], NULL, 10) : 1;
    bool is_publisher = strcmp(count > 1 ? words[1] : "", "publisher") == 0;

    if (strcmp(command, "starve") == 0 || strcmp(command, "feed") == 0) {
        starve(command[0] == 's', first);
    } else if (strcmp(command, "slow") == 0) {
        microseconds_a_copy = first;
        answer("ok");
    } else if (strcmp(command, "hello") == 0) {
        answer("ok c steps batch");
    } else if (strcmp(command, "publisher") == 0 || strcmp(command, "subscriber") == 0) {
        join(command[0] == 'p', words, count);
    } else if (strcmp(command, "leave") == 0) {
        leave(is_publisher);
    } else if (strcmp(command, "position") == 0) {
        tell_position(is_publisher);
    } else if (publisher != NULL && strcmp(command, "wait-for-subscribers") == 0) {
        wait_for_subscribers((uint32_t)first);
    } else if (publisher != NULL && strcmp(command, "publish") == 0) {
        publish((uint32_t)first, length, times);
    } else if (publisher != NULL && strcmp(command, "try") == 0) {
        try_publishing((uint32_t)first, length, times);
    } else if (publisher != NULL && strcmp(command, "batch") == 0) {
        publish_batch((uint32_t)first, length, times);
    } else if (subscriber != NULL && strcmp(command, "receive") == 0) {
        receive(first);
    } else if (subscriber != NULL && strcmp(command, "take") == 0) {
        receive(0);
    } else {
        answer("error no such command, or no participant to obey it");
    }
    return true;
}

int main(void) {
    static char line[LINE_LENGTH];
#ifdef _WIN32
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    while (fgets(line, sizeof line, stdin) != NULL && obey(line)) {
    }
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
    free(content);
    return 0;
}
