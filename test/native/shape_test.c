/* shape_test: what mmfbus_shape.h says, with the header that was generated for the shape of shape-header.test.ts. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "order.h"

#define REQUIRE(condition)                                                              \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);             \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

static uint8_t bytes[1024];
static uint64_t room[64];

static order some_order(void) {
    static const order_legs_item legs[] = {{1.5, 1}, {2.5, 2}};
    order value;
    memset(&value, 0, sizeof value);
    value.id = 7;
    value.side = ORDER_SIDE_SELL;
    value.legs.items = legs;
    value.legs.count = 2;
    value.has_note = true;
    value.note = mmfbus_string_of("abc");
    value.any.data = "\x01";
    value.any.length = 1;
    return value;
}

static mmfbus_status encode(const order *value, size_t capacity, size_t *length, mmfbus_problem *problem) {
    mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, capacity);
    mmfbus_status status = order_encode(&writer, value, problem);
    *length = writer.length;
    return status;
}

static void test_round_trip(void) {
    order value = some_order(), back;
    size_t length;
    mmfbus_arena arena = mmfbus_arena_of(room, sizeof room);
    REQUIRE(encode(&value, sizeof bytes, &length, NULL) == MMFBUS_OK);
    REQUIRE(order_decode(&back, bytes, length, &arena, NULL) == MMFBUS_OK);
    REQUIRE(back.id == 7 && back.side == ORDER_SIDE_SELL && back.legs.count == 2 && back.legs.items[1].price == 2.5);
    REQUIRE(back.has_note && mmfbus_string_is(back.note, "abc") && !back.owner.has_value);
    REQUIRE(back.note.data > (const char *)bytes && back.note.data < (const char *)bytes + length);
    REQUIRE(arena.used == 2 * sizeof(order_legs_item));
}

static void test_arena(void) {
    order value = some_order(), back;
    mmfbus_problem problem;
    size_t length;
    REQUIRE(encode(&value, sizeof bytes, &length, NULL) == MMFBUS_OK);
    REQUIRE(order_decode(&back, bytes, length, NULL, &problem) == MMFBUS_NO_MEMORY);
    for (size_t size = 0; size < 2 * sizeof(order_legs_item); size++) {
        void *block = malloc(size);
        mmfbus_arena arena = mmfbus_arena_of(block, size);
        REQUIRE(order_decode(&back, bytes, length, &arena, &problem) == MMFBUS_NO_MEMORY && arena.used == 0);
        REQUIRE(strcmp(problem.text, "legs: the arena has no room for 2 items of 16 bytes") == 0);
        free(block);
    }
    /* What was reserved for a value that is refused in the end is given back. */
    mmfbus_arena arena = mmfbus_arena_of((char *)room + 1, sizeof room - 1);
    arena.used = 3;
    REQUIRE(order_decode(&back, bytes, length - 1, &arena, &problem) == MMFBUS_UNDECODABLE && arena.used == 3);
    REQUIRE(order_decode(&back, bytes, length, &arena, &problem) == MMFBUS_OK);
    REQUIRE((uintptr_t)back.legs.items % 8 == 0 && problem.text[0] == 0);
}

static void test_room(void) {
    order value = some_order();
    mmfbus_problem problem;
    size_t length, needed;
    REQUIRE(encode(&value, sizeof bytes, &needed, NULL) == MMFBUS_OK);
    for (size_t capacity = 0; capacity < needed; capacity++) {
        REQUIRE(encode(&value, capacity, &length, &problem) == MMFBUS_TOO_LARGE && length == needed);
    }
    REQUIRE(encode(&value, needed, &length, &problem) == MMFBUS_OK && length == needed);
}

static void refused(order value, const char *why) {
    mmfbus_problem problem;
    size_t length;
    REQUIRE(encode(&value, sizeof bytes, &length, NULL) == MMFBUS_UNENCODABLE);
    REQUIRE(encode(&value, sizeof bytes, &length, &problem) == MMFBUS_UNENCODABLE);
    if (strcmp(problem.text, why) == 0) return;
    fprintf(stderr, "%s\ninstead of\n%s\n", problem.text, why);
    exit(1);
}

static void test_refusals(void) {
    static const order_legs_item cheap[] = {{1, 1}, {1, 0}};
    order value = some_order();
    value.id = 0;
    refused(value, "id: expected u32 from 1 to 4294967295, got number 0");
#ifndef __cplusplus
    /* In C++ no enumeration may hold such a number to begin with. */
    value = some_order();
    value.side = (order_side)2;
    refused(value, "side: expected one of \"buy\", \"sell\", got none of them");
#endif
    value = some_order();
    value.legs.items = cheap;
    refused(value, "legs[1].quantity: expected u8 from 1 to 255, got number 0");
    value = some_order();
    value.legs.count = 4;
    refused(value, "legs: expected array of at most 3 items, got a longer one");
    value = some_order();
    value.note = mmfbus_string_of("abcd");
    refused(value, "note: expected string of at most 3 characters, got a longer one");
    value.note = mmfbus_string_of("\xff");
    refused(value, "note: expected string of at most 3 characters, got one that is not UTF-8");
    value = some_order();
    value.at.nanoseconds = 1000000000;
    refused(value, "at: expected timestamp, got one that is no valid date");
    value = some_order();
    value.any.data = "\x92\x01";
    value.any.length = 2;
    refused(value, "any: expected exactly one value of msgpack, got something else");
    value.any.length = 0;
    refused(value, "any: expected exactly one value of msgpack, got something else");
}

static void unreadable(const void *data, size_t length, const char *why) {
    mmfbus_arena arena = mmfbus_arena_of(room, sizeof room);
    mmfbus_problem problem;
    order value;
    REQUIRE(order_decode(&value, data, length, &arena, NULL) == MMFBUS_UNDECODABLE);
    REQUIRE(order_decode(&value, data, length, &arena, &problem) == MMFBUS_UNDECODABLE);
    if (strcmp(problem.text, why) == 0) return;
    fprintf(stderr, "%s\ninstead of\n%s\n", problem.text, why);
    exit(1);
}

#define UNREADABLE(text, why) unreadable(text, sizeof(text) - 1, why)

static void test_unreadable(void) {
    UNREADABLE("", "value: expected struct, got the end of the bytes");
    UNREADABLE("\x93\x01\x02\x03", "value: expected struct, got array of 3");
    UNREADABLE("\x80", "id: expected u32 from 1 to 4294967295, got nothing");
    UNREADABLE("\x81\xa2id\xc3", "id: expected u32 from 1 to 4294967295, got boolean true");
    UNREADABLE("\x81\xa4side\xa3" "b\nx", "side: expected one of \"buy\", \"sell\", got string \"b?x\"");
    UNREADABLE("\x81\xa4legs\x91\x81\xa5price\xa1x", "legs[0].price: expected f64, got string \"x\"");
    UNREADABLE("\x81\xa4legs\x93\x80", "legs: expected array of at most 3 items, got the end of the bytes");
    UNREADABLE("\x81\xa4what", "value: expected a value, got no msgpack, or some that is nested too deep");
}

int main(void) {
    test_round_trip();
    test_arena();
    test_room();
    test_refusals();
    test_unreadable();
    printf("all is well\n");
    return 0;
}
