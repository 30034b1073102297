/*
 * Tests of the header that need no other process, or only a forked one. Prints the first thing that is wrong, and ends
 * with status 1. Also compiled as C++.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>
#ifndef _WIN32
#include <sys/wait.h>
#endif

#define REQUIRE(condition)                                                    \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);           \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

static mmfbus_options options_for(const char *channel) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.codec = "raw";
    options.capacity = 4096;
    return options;
}

static void test_sha256(void) {
    static const unsigned char expected[4] = {0xba, 0x78, 0x16, 0xbf};
    unsigned char digest[32];
    char text[120];
    mmfbus__sha256("abc", 3, digest);
    REQUIRE(memcmp(digest, expected, sizeof expected) == 0);
    /* 56 bytes and more need a second block for the length. */
    memset(text, 'a', sizeof text);
    mmfbus__sha256(text, 56, digest);
    REQUIRE(digest[0] == 0xb3 && digest[1] == 0x54 && digest[31] == 0x8a);
}

static void test_msgpack(void) {
    uint8_t bytes[512];
    static const int64_t integers[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295ll, 4294967296ll, INT64_MAX,
                                       -1, -32, -33, -128, -129, -32768, -32769, -2147483648ll, -2147483649ll, INT64_MIN};
    mmfbus_mp_value value;
    for (size_t index = 0; index < sizeof integers / sizeof integers[0]; index++) {
        mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
        mmfbus_mp_int(&writer, integers[index]);
        mmfbus_mp_reader reader = mmfbus_mp_read_from(bytes, writer.length);
        REQUIRE(mmfbus_mp_next(&reader, &value) && reader.offset == writer.length);
        REQUIRE(value.as.integer == integers[index]);
        REQUIRE(value.type == (integers[index] < 0 ? MMFBUS_MP_INT : MMFBUS_MP_UINT));
        /* Cut short anywhere it is no value. */
        for (size_t length = 0; length < writer.length; length++) {
            reader = mmfbus_mp_read_from(bytes, length);
            REQUIRE(!mmfbus_mp_next(&reader, &value) && value.type == MMFBUS_MP_NONE);
        }
    }

    mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
    mmfbus_mp_map(&writer, 4);
    mmfbus_mp_string(&writer, "list");
    mmfbus_mp_array(&writer, 3);
    mmfbus_mp_nil(&writer);
    mmfbus_mp_bool(&writer, true);
    mmfbus_mp_double(&writer, 1.5);
    mmfbus_mp_string(&writer, "bytes");
    mmfbus_mp_binary(&writer, "\1\2\3", 3);
    mmfbus_mp_string(&writer, "a key that has more than thirty-one bytes");
    mmfbus_mp_uint(&writer, UINT64_MAX);
    mmfbus_mp_string(&writer, "time");
    mmfbus_mp_extension(&writer, -1, "\0\0\0\1", 4);
    REQUIRE(mmfbus_mp_fits(&writer));
    mmfbus_mp_reader map = mmfbus_mp_read_from(bytes, writer.length);
    REQUIRE(mmfbus_mp_find(map, "bytes", &value) && value.type == MMFBUS_MP_BINARY && value.length == 3);
    REQUIRE(mmfbus_mp_find(map, "a key that has more than thirty-one bytes", &value) && value.as.natural == UINT64_MAX);
    REQUIRE(mmfbus_mp_find(map, "time", &value) && value.extension == -1 && value.length == 4);
    REQUIRE(!mmfbus_mp_find(map, "nothing", &value));
    REQUIRE(mmfbus_mp_skip(&map) && map.offset == writer.length);

    /* What does not fit is counted, and nothing is written behind the end. */
    memset(bytes, 0xee, sizeof bytes);
    writer = mmfbus_mp_write_to(bytes, 4);
    mmfbus_mp_string(&writer, "hello");
    REQUIRE(!mmfbus_mp_fits(&writer) && writer.length == 6 && bytes[4] == 0xee);
    mmfbus_mp_nil(&writer);
    REQUIRE(writer.length == 7 && bytes[4] == 0xee);

    /* An array that says it has more than there are bytes, and nesting without end. */
    mmfbus_mp_reader reader = mmfbus_mp_read_from("\xdd\xff\xff\xff\xff", 5);
    REQUIRE(!mmfbus_mp_next(&reader, &value));
    memset(bytes, 0x91, sizeof bytes);
    reader = mmfbus_mp_read_from(bytes, sizeof bytes);
    REQUIRE(!mmfbus_mp_skip(&reader));
}

static void test_claims(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    void *place;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_claim(publisher, 100, &place) == MMFBUS_OK);
    REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_arm(subscriber) == MMFBUS_BUSY);
    mmfbus_abandon(publisher);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY);
    REQUIRE(mmfbus_try_claim(publisher, 100, &place) == MMFBUS_OK);
    memcpy(place, "shorter", 7);
    REQUIRE(mmfbus_commit(publisher, 101) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_commit(publisher, 7) == MMFBUS_OK);
    REQUIRE(mmfbus_arm(subscriber) == MMFBUS_READY);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK);
    REQUIRE(message.length == 7 && memcmp(message.data, "shorter", 7) == 0 && message.sequence == 1);
    REQUIRE(mmfbus_try_publish(publisher, NULL, 0) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.length == 0 && message.sequence == 2);
    REQUIRE(mmfbus_try_publish(publisher, "", 2000) == MMFBUS_TOO_LARGE);
    REQUIRE(mmfbus_receive(subscriber, &message, 1) == MMFBUS_TIMEOUT);
    REQUIRE(mmfbus_last_published(publisher) == 2);
    mmfbus_publisher_close(publisher);
    REQUIRE(mmfbus_receive(subscriber, &message, MMFBUS_FOREVER) == MMFBUS_PUBLISHERS_GONE && message.reason == MMFBUS_REASON_LEFT);
    mmfbus_subscriber_close(subscriber);
}

static void test_refusals(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *publisher, *other;
    mmfbus_subscriber *subscriber;
    options.schema = "{\"a\":1}";
    options.max_participants = 2;
    options.open = MMFBUS_OPEN;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_NOT_FOUND && publisher == NULL);
    options.open = MMFBUS_OPEN_OR_CREATE;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    options.open = MMFBUS_CREATE;
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_EXISTS);
    options.open = MMFBUS_OPEN_OR_CREATE;
    options.capacity = 8192;
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_CAPACITY_MISMATCH);
    REQUIRE(strcmp(mmfbus_last_detail(), "its capacity is 4096, this program's 8192") == 0);
    options.capacity = 0;
    options.history = 1;
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_HISTORY_MISMATCH);
    options.history = 0;
    options.max_message = 1;
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_MAX_MESSAGE_MISMATCH);
    options.max_message = 0;
    options.codec = "json";
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_CODEC_MISMATCH);
    REQUIRE(strcmp(mmfbus_last_detail(), "its codec is raw, this program's json") == 0);
    options.codec = "raw";
    options.schema = "{\"a\":2}";
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_SCHEMA_MISMATCH);
    REQUIRE(strncmp(mmfbus_last_detail(), "the schemas differ from byte 5 on:", 34) == 0);
    options.schema = NULL;
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_SCHEMA_MISMATCH);
    REQUIRE(strncmp(mmfbus_last_detail(), "the channel has a schema, and this program none", 47) == 0);
    /* A subscriber that takes any compares neither. */
    options.schema = MMFBUS_SCHEMA_ANY;
    options.codec = "json";
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_INVALID_ARGUMENT);
    options.start = MMFBUS_START_AFTER;
    options.after = mmfbus_publisher_position(publisher);
    options.after.sequence++;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_SEQUENCE_AHEAD && subscriber == NULL);
    REQUIRE(strcmp(mmfbus_last_detail(), "it was to begin after message 1; the last one published is 0") == 0);
    options.after.incarnation ^= 1;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OTHER_INCARNATION && subscriber == NULL);
    REQUIRE(strstr(mmfbus_last_detail(), "of which nothing is left") != NULL);
    options.after = mmfbus_publisher_position(publisher);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(strcmp(mmfbus_subscriber_information(subscriber).codec, "raw") == 0);
    options.codec = "raw";
    options.schema = "{\"a\":1}";
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_TOO_MANY_PARTICIPANTS);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(publisher);
    options.schema = NULL;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    options.schema = "{\"a\":1}";
    REQUIRE(mmfbus_publisher_open(&other, &options) == MMFBUS_SCHEMA_MISMATCH);
    REQUIRE(strcmp(mmfbus_last_detail(), "the channel has no schema, and this program has one") == 0);
    mmfbus_publisher_close(publisher);
    options.schema = MMFBUS_SCHEMA_ANY;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_NOT_FOUND);
    options.open = MMFBUS_CREATE;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_INVALID_ARGUMENT);
    options.open = MMFBUS_OPEN_OR_CREATE;
    options.schema = NULL;
    options.channel = "no/name";
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_INVALID_NAME);
    for (int status = 0; status <= MMFBUS_DECLARED; status++) {
        REQUIRE(strcmp(mmfbus_text((mmfbus_status)status), "no such status") != 0);
    }
    REQUIRE(strcmp(mmfbus_text((mmfbus_status)(MMFBUS_DECLARED + 1)), "no such status") == 0);
}

/* Positions, and publishers that come and go. */
static void test_members(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *first, *second;
    mmfbus_subscriber *subscriber, *later;
    mmfbus_message message;
    uint32_t there = 9;
    options.name = "first";
    REQUIRE(mmfbus_publisher_open(&first, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_wait_for_subscribers(first, 0, 0, NULL) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_wait_for_subscribers(first, 1025, 0, NULL) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_wait_for_subscribers(first, 1, 1, &there) == MMFBUS_TIMEOUT && there == 0);
    options.publisher_events = true;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_wait_for_subscribers(first, 1, MMFBUS_FOREVER, &there) == MMFBUS_OK && there == 1);
    REQUIRE(mmfbus_publisher_position(first).sequence == 0 && mmfbus_publisher_position(first).incarnation != 0);
    REQUIRE(mmfbus_try_publish(first, "a", 1) == MMFBUS_OK && mmfbus_try_publish(first, "b", 1) == MMFBUS_OK);
    mmfbus_position position = mmfbus_publisher_position(first);
    REQUIRE(position.sequence == 2);
    /* Who was there before is not told of. */
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 1);
    REQUIRE(mmfbus_subscriber_position(subscriber).incarnation == position.incarnation);
    REQUIRE(mmfbus_subscriber_position(subscriber).sequence == 1);
    options.start = MMFBUS_START_AFTER;
    options.after = mmfbus_subscriber_position(subscriber);
    REQUIRE(mmfbus_subscriber_open(&later, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_subscriber_position(later).sequence == 1);
    REQUIRE(mmfbus_try_receive(later, &message) == MMFBUS_OK && message.sequence == 2);
    mmfbus_subscriber_close(later);

    options.name = "sec\033ond";
    REQUIRE(mmfbus_publisher_open(&second, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_publish(second, "c", 1) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 2);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_PUBLISHER_JOINED);
    REQUIRE(strcmp(message.name, "sec?ond") == 0 && message.pid != 0);
    uint32_t slot = message.publisher;
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 3 && message.publisher == slot);
    REQUIRE(mmfbus_arm(subscriber) == MMFBUS_OK);
    mmfbus_publisher_close(second);
    REQUIRE(mmfbus_try_publish(first, "d", 1) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 4);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_PUBLISHER_LEFT && strcmp(message.name, "sec?ond") == 0);
    REQUIRE(message.publisher == slot && message.reason == MMFBUS_REASON_LEFT && message.remaining == 1);
    mmfbus_publisher_close(first);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_PUBLISHER_LEFT && message.remaining == 0);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_PUBLISHERS_GONE);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY);
    REQUIRE(mmfbus_arm(subscriber) == MMFBUS_OK);
    mmfbus_subscriber_close(subscriber);

    /* Of another life of the channel nothing is left. */
    options.name = NULL;
    REQUIRE(mmfbus_publisher_open(&first, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_position(first).incarnation != position.incarnation);
    REQUIRE(mmfbus_try_publish(first, "e", 1) == MMFBUS_OK);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OTHER_INCARNATION);
    options.otherwise = MMFBUS_OTHERWISE_EARLIEST;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 1);
    mmfbus_subscriber_close(subscriber);
    options.otherwise = MMFBUS_OTHERWISE_LATEST;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY && mmfbus_subscriber_position(subscriber).sequence == 1);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(first);
}

/* A header that says something else of the channel. */
static void refused_header(const mmfbus_options *options, unsigned char *field, uint32_t value, mmfbus_status status,
                           const char *detail) {
    mmfbus_subscriber *subscriber;
    uint32_t before = mmfbus__load32(field);
    mmfbus__store32(field, value);
    REQUIRE(mmfbus_subscriber_open(&subscriber, options) == status);
    REQUIRE(strstr(mmfbus_last_detail(), detail) != NULL);
    mmfbus__store32(field, before);
}

static void test_headers(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    unsigned char *memory = publisher->base.memory;
    refused_header(&options, memory + MMFBUS__HEADER_FORMAT_VERSION, 1, MMFBUS_VERSION_MISMATCH,
                   "its format version is 1, this program's 2");
    refused_header(&options, memory + MMFBUS__HEADER_REQUIRED_FEATURES, 0x50, MMFBUS_VERSION_MISMATCH, "bits 0x50");
    refused_header(&options, memory + MMFBUS__HEADER_PATTERN, 7, MMFBUS_PATTERN_MISMATCH, "its pattern is 7, this program's 1");
    mmfbus__store32(memory + MMFBUS__HEADER_OPTIONAL_FEATURES, 0xffffffffu);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(publisher);
    /* A history leaves room for a header extension. */
    options.history = 4;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_information(publisher).max_message == 4096 / 2 / 4 - 24 - 64);
    REQUIRE(mmfbus_publisher_information(publisher).max_payload == 4096 / 2 / 4 - 24 - 64);
    REQUIRE(publisher->base.geometry.max_payload == 4096 / 2 / 4 - 24);
    REQUIRE(mmfbus_try_publish(publisher, "", 4096 / 2 / 4 - 23 - 64) == MMFBUS_TOO_LARGE);
    mmfbus_publisher_close(publisher);
}

static void refused_option(mmfbus_options options, const char *detail) {
    mmfbus_subscriber *subscriber;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_INVALID_ARGUMENT && subscriber == NULL);
    REQUIRE(strstr(mmfbus_last_detail(), detail) != NULL);
}

static void test_options(const char *channel) {
    const mmfbus_options valid = options_for(channel);
    mmfbus_options options = valid;
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    options.struct_size = 0;
    refused_option(options, "struct_size of the options is 0, not");
    options.struct_size = sizeof options + 8;
    refused_option(options, "struct_size");
    options = valid, options.capacity = 5000;
    refused_option(options, "capacity");
    options = valid, options.mode = 01777;
    refused_option(options, "mode");
    options = valid, options.scope = (mmfbus_scope)2;
    refused_option(options, "scope");
    options = valid, options.open = (mmfbus_open_mode)3;
    refused_option(options, "open");
    options = valid, options.delivery = (mmfbus_delivery)2;
    refused_option(options, "delivery");
    options = valid, options.start = (mmfbus_start)5;
    refused_option(options, "start");
    options = valid, options.slow_subscribers = (mmfbus_slow_subscribers)2;
    refused_option(options, "slow_subscribers");
    options = valid, options.name = "forty-nine-bytes-are-more-than-a-name-may-have--!";
    refused_option(options, "name");
    REQUIRE(MMFBUS_VERSION_NUMBER >= 0 && strchr(MMFBUS_VERSION, '.') != NULL);

    /* What zero means. */
    options = mmfbus_options_init();
    options.channel = channel;
    options.history = 2;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_information(publisher).capacity == 8u << 20);
    REQUIRE(mmfbus_publisher_information(publisher).max_participants == 64);
    REQUIRE(strcmp(mmfbus_publisher_information(publisher).codec, "msgpack") == 0);
    for (int count = 0; count < 5; count++) REQUIRE(mmfbus_publish(publisher, "x", 1, 0) == MMFBUS_OK);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == 4);
    mmfbus_subscriber_close(subscriber);
    options.start = MMFBUS_START_LATEST;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY);
    mmfbus_subscriber_close(subscriber);
    mmfbus_publisher_close(publisher);
}

/* Waiting for room that only several frames at once lack. */
static void test_publishing_all(const char *channel) {
    mmfbus_options options = options_for(channel);
    static const char payload[200] = {0};
    mmfbus_bytes batch[4] = {{payload, 200}, {payload, 200}, {payload, 200}, {payload, 200}};
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    while (mmfbus_try_publish_all(publisher, batch, 4) == MMFBUS_OK) {
    }
    uint64_t published = mmfbus_last_published(publisher);
    REQUIRE(published > 0 && published % 4 == 0);
    REQUIRE(mmfbus_publish_all(publisher, batch, 4, 1) == MMFBUS_TIMEOUT);
    REQUIRE(mmfbus_last_published(publisher) == published);
    uint64_t number = 0;
    while (mmfbus_publisher_arm(publisher, 200) == MMFBUS_OK) {
        REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == ++number);
    }
    /* There is room for one of them. It sleeps all the same: it tries before and after that, and a clock of coarse steps may wake it
     * up a little early. Who does not sleep tries thousands of times. */
    uint64_t full = mmfbus_publisher_information(publisher).full;
    REQUIRE(mmfbus_publish_all(publisher, batch, 4, 20) == MMFBUS_TIMEOUT);
    REQUIRE(mmfbus_publisher_information(publisher).full <= full + 10);
    while (number < published) {
        REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.sequence == ++number);
    }
    REQUIRE(mmfbus_publish_all(publisher, batch, 4, MMFBUS_FOREVER) == MMFBUS_OK);
    REQUIRE(mmfbus_last_published(publisher) == published + 4);
    REQUIRE(mmfbus_publish_all(publisher, NULL, 0, MMFBUS_FOREVER) == MMFBUS_OK);
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
}

static void test_mappings(const char *name) {
    mmf *mapping, *other;
    char text[8] = {0};
    REQUIRE(mmf_create(&mapping, name, MMFBUS_LOCAL, 100) == MMFBUS_OK && mmf_size(mapping) == 100);
    REQUIRE(mmf_create(&other, name, MMFBUS_LOCAL, 100) == MMFBUS_EXISTS && other == NULL);
    REQUIRE(mmf_open_readonly(&other, name, MMFBUS_LOCAL) == MMFBUS_OK && mmf_size(other) == 100);
    REQUIRE(mmf_write(mapping, 93, "1234567", 7, 10) == MMFBUS_OK);
    REQUIRE(mmf_write(mapping, 94, "1234567", 7, 10) == MMFBUS_TOO_LARGE);
    REQUIRE(mmf_read(other, 93, text, 7, 10) == MMFBUS_OK && strcmp(text, "1234567") == 0);
    REQUIRE(mmf_write(other, 0, "1", 1, 10) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmf_lock_try(mapping, MMF_READ) && mmf_lock_try(other, MMF_READ) && mmf_lock_word(mapping) == 2);
    REQUIRE(!mmf_lock_spin(other, MMF_WRITE, 3));
    REQUIRE(mmf_lock_release(mapping, MMF_READ) && mmf_lock_release(mapping, MMF_READ));
    REQUIRE(!mmf_lock_release(mapping, MMF_READ));
    REQUIRE(mmf_lock_try(other, MMF_WRITE) && mmf_read(mapping, 0, text, 1, 3) == MMFBUS_BUSY);
    mmf_lock_break(mapping);
    REQUIRE(mmf_lock_word(mapping) == 0);
    mmf_close(mapping);
    mmf_close(other);
    REQUIRE(mmf_open(&mapping, name, MMFBUS_LOCAL) == MMFBUS_NOT_FOUND);
}

/* Timestamps do not go back, are not ahead of the clock, and not far behind it, unless they are left out. */
static void test_timestamps(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    uint64_t last = 0, end = mmfbus_now() + 20000000u;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    while (last < end) {
        uint64_t before = mmfbus_now();
        REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_OK);
        uint64_t after = mmfbus_now();
        REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK);
        REQUIRE(message.timestamp >= last && message.timestamp <= after && message.timestamp + 10000 >= before);
        last = message.timestamp;
    }
    mmfbus_publisher_close(publisher);
    options.no_timestamps = true;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_PUBLISHERS_GONE && message.reason == MMFBUS_REASON_LEFT);
    REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK && message.timestamp == 0);
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
}

/* Neither the head nor the history: as if it had not been called. */
static void test_refused(const char *channel) {
    mmfbus_options options = options_for(channel);
    static const char payload[101] = {0};
    static unsigned char before[65536];
    mmfbus_publisher *publisher;
    mmfbus_bytes batch[200];
    options.capacity = 4096;
    options.history = 8;
    options.max_message = 100;
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    for (int count = 0; count < 40; count++) REQUIRE(mmfbus_try_publish(publisher, payload, 100) == MMFBUS_OK);
    const mmfbus__segment *segment = &publisher->base.segment;
    REQUIRE(segment->length <= sizeof before);
    memcpy(before, segment->memory, segment->length);
    for (int index = 0; index < 200; index++) {
        batch[index].data = payload;
        batch[index].length = 100;
    }
    REQUIRE(mmfbus_try_publish_all(publisher, batch, 20) == MMFBUS_TOO_LARGE);
    batch[1].length = 101;
    REQUIRE(mmfbus_try_publish_all(publisher, batch, 2) == MMFBUS_TOO_LARGE);
    for (int index = 0; index < 200; index++) batch[index].length = 0;
    REQUIRE(mmfbus_try_publish_all(publisher, batch, 200) == MMFBUS_TOO_LARGE);
    REQUIRE(mmfbus_try_publish(publisher, payload, 101) == MMFBUS_TOO_LARGE);
    REQUIRE(memcmp(before, segment->memory, segment->length) == 0);
    mmfbus_publisher_close(publisher);
}

#ifndef _WIN32

static void test_failures(void) {
    static const struct { int number; mmfbus_status status; } failures[] = {
        {EACCES, MMFBUS_ACCESS_DENIED}, {EPERM, MMFBUS_ACCESS_DENIED}, {ENOSPC, MMFBUS_NO_SPACE},
        {ENOMEM, MMFBUS_NO_MEMORY},     {EMFILE, MMFBUS_OS_ERROR},
    };
    for (size_t index = 0; index < sizeof failures / sizeof failures[0]; index++) {
        errno = failures[index].number;
        REQUIRE(mmfbus__failed("a call") == failures[index].status);
        REQUIRE(mmfbus_last_failure().number == failures[index].number);
    }
}

/* A child that outlives its parent's participants must not keep them alive for others. */
static void test_fork(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    int ready[2], done[2];
    char byte;
    REQUIRE(pipe(ready) == 0 && pipe(done) == 0);
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    pid_t owner = fork();
    if (owner == 0) {
        mmfbus_publisher *publisher;
        REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_FORKED);
        REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
        pid_t child = fork();
        if (child == 0) {
            REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_FORKED);
            mmfbus_publisher_close(publisher);
            mmfbus_subscriber_close(subscriber);
            /* Lives until the test has seen the death of its parent. */
            close(done[1]);
            REQUIRE(write(ready[1], "!", 1) == 1);
            if (read(done[0], &byte, 1) < 0) _exit(1);
            _exit(0);
        }
        REQUIRE(mmfbus_try_publish(publisher, "last words", 10) == MMFBUS_OK);
        close(done[1]);
        REQUIRE(read(done[0], &byte, 1) == 0);
        _exit(0);
    }
    REQUIRE(read(ready[0], &byte, 1) == 1);
    REQUIRE(mmfbus_receive(subscriber, &message, 20000) == MMFBUS_OK && message.length == 10);
    kill(owner, SIGKILL);
    REQUIRE(waitpid(owner, NULL, 0) == owner);
    REQUIRE(mmfbus_receive(subscriber, &message, 20000) == MMFBUS_PUBLISHERS_GONE && message.reason == MMFBUS_REASON_DIED);
    close(done[1]);
    mmfbus_subscriber_close(subscriber);
    close(done[0]);
    close(ready[0]);
    close(ready[1]);
}

/* A process that is killed leaves no channel behind, although a child of it lives that closes nothing. */
static void test_fork_of_the_killed(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_subscriber *subscriber;
    int ready[2], done[2];
    char byte;
    REQUIRE(pipe(ready) == 0 && pipe(done) == 0);
    pid_t owner = fork();
    if (owner == 0) {
        mmfbus_publisher *publisher;
        REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
        if (fork() == 0) REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_FORKED && write(ready[1], "!", 1) == 1);
        close(done[1]);
        if (read(done[0], &byte, 1) < 0) _exit(1);
        _exit(0);
    }
    REQUIRE(read(ready[0], &byte, 1) == 1);
    kill(owner, SIGKILL);
    REQUIRE(waitpid(owner, NULL, 0) == owner);
    options.open = MMFBUS_OPEN;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_NOT_FOUND);
    close(done[1]);
    close(done[0]);
    close(ready[0]);
    close(ready[1]);
}

/* A publisher whose subscriber's bell has no reader any more is not ended by SIGPIPE, nor is a SIGPIPE swallowed. */
static void test_descriptor(const char *channel) {
    mmfbus_options options = options_for(channel);
    mmfbus_publisher *publisher;
    mmfbus_subscriber *subscriber;
    mmfbus_message message;
    struct pollfd wait;
    REQUIRE(mmfbus_subscriber_open(&subscriber, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_publisher_open(&publisher, &options) == MMFBUS_OK);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY);
    while (mmfbus_arm(subscriber) != MMFBUS_OK) REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_EMPTY);
    wait.fd = mmfbus_subscriber_descriptor(subscriber);
    wait.events = POLLIN;
    REQUIRE(poll(&wait, 1, 0) == 0);
    REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_OK);
    REQUIRE(poll(&wait, 1, 20000) == 1);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK);
    REQUIRE(poll(&wait, 1, 0) == 0);

    while (mmfbus_try_publish(publisher, "x", 1) == MMFBUS_OK) {
    }
    REQUIRE(mmfbus_publisher_arm(publisher, 1) == MMFBUS_OK);
    wait.fd = mmfbus_publisher_descriptor(publisher);
    REQUIRE(poll(&wait, 1, 0) == 0);
    REQUIRE(mmfbus_try_receive(subscriber, &message) == MMFBUS_OK);
    REQUIRE(poll(&wait, 1, 20000) == 1);
    REQUIRE(mmfbus_try_publish(publisher, "x", 1) == MMFBUS_OK);
    mmfbus_publisher_close(publisher);
    mmfbus_subscriber_close(subscriber);
}

#endif

int main(int count, char *words[]) {
    REQUIRE(count == 2);
    test_sha256();
    test_msgpack();
    test_claims(words[1]);
    test_refusals(words[1]);
    test_members(words[1]);
    test_headers(words[1]);
    test_refused(words[1]);
    test_options(words[1]);
    test_publishing_all(words[1]);
    test_mappings(words[1]);
    test_timestamps(words[1]);
#ifndef _WIN32
    test_failures();
    test_fork(words[1]);
    test_fork_of_the_killed(words[1]);
    test_descriptor(words[1]);
#endif
    puts("all is well");
    return 0;
}
