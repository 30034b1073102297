/*
 * mmfbus_shape.h - what the code needs that mmfbus-generate writes from a shape. Include the generated header instead.
 *
 * DECODING
 *     mmfbus_arena arena = mmfbus_arena_of(memory, sizeof memory);
 *     mmfbus_problem problem;
 *     if (quote_decode(&value, message.data, message.length, &arena, &problem) != MMFBUS_OK) puts(problem.text);
 *
 *     The bytes must be private: no process may change them while they are decoded, and as long as the views below are used.
 * Those     of a message are a copy already; a range of shared memory has to be copied first, by one memcpy.
 *
 *     Nothing is allocated. Strings and bytes are views of the message: they live as long as `message.data` does. The items
 *     of arrays and maps are put one after the other into the arena; set `arena.used` to 0 to use it again. Shapes without
 *     arrays and maps take NULL for it. MMFBUS_NO_MEMORY: it is too small. MMFBUS_UNDECODABLE: the bytes are not of
 *     the shape. `problem`, which may be NULL, says what and where: legs[2].price: expected f64, got string "x".
 *
 *     It reads what any writer of msgpack makes: fields in any order, fields that the shape does not have, integers and
 *     floats of any width that hold the value. Strings must be UTF-8.
 *
 * ENCODING
 *     mmfbus_mp_writer writer = mmfbus_mp_write_to(memory, sizeof memory);
 *     if (quote_encode(&writer, &value, &problem) != MMFBUS_OK) puts(problem.text);
 *
 *     MMFBUS_UNENCODABLE: the value is not of the shape. MMFBUS_TOO_LARGE: it takes `writer.length` bytes.
 *
 * Everything with two underscores is for generated code only.
 */
#ifndef MMFBUS_SHAPE_H
#define MMFBUS_SHAPE_H

#include "mmfbus.h"

#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* UTF-8, without a zero at its end. */
typedef struct mmfbus_string {
    const char *data;
    size_t length;
} mmfbus_string;

/* Seconds since 1970, and nanoseconds from there on: also before 1970 they count forward. */
typedef struct mmfbus_timestamp {
    int64_t seconds;
    uint32_t nanoseconds;
} mmfbus_timestamp;

/* Memory of the caller's for the items of arrays and maps. */
typedef struct mmfbus_arena {
    void *memory;
    size_t size;
    size_t used;
} mmfbus_arena;

/* What keeps a value or bytes from being of a shape. */
typedef struct mmfbus_problem {
    char text[256]; /* one line; empty when all was well */
    size_t path;    /* bytes of the text that say where it is */
} mmfbus_problem;

static inline mmfbus_string mmfbus_string_of(const char *text) {
    mmfbus_string string;
    string.data = text;
    string.length = strlen(text);
    return string;
}

static inline bool mmfbus_string_is(mmfbus_string string, const char *text) {
    return string.length == strlen(text) && (string.length == 0 || memcmp(string.data, text, string.length) == 0);
}

static inline mmfbus_arena mmfbus_arena_of(void *memory, size_t size) {
    mmfbus_arena arena;
    arena.memory = memory;
    arena.size = size;
    arena.used = 0;
    return arena;
}

/* ---------------------------------------------------------------------------------------- For generated code only */

/* The limits that the codec of Node has by default. */
#define MMFBUS_SHAPE__MOST_TEXT 16777216u
#define MMFBUS_SHAPE__MOST_BYTES 67108864u
#define MMFBUS_SHAPE__MOST_ITEMS 1048576u
#define MMFBUS_SHAPE__MOST_SIZE 67108864u
#define MMFBUS_SHAPE__MOST_LEVELS 64
#define MMFBUS_SHAPE__NO_LIMIT UINT32_MAX

typedef struct mmfbus_shape__input {
    mmfbus_mp_reader reader;
    mmfbus_arena *arena;
    mmfbus_problem *problem;
    mmfbus_status status;
} mmfbus_shape__input;

typedef struct mmfbus_shape__output {
    mmfbus_mp_writer *writer;
    mmfbus_problem *problem;
    mmfbus_status status;
} mmfbus_shape__output;

/* -- Problems */

static inline void mmfbus_shape__clear(mmfbus_problem *problem) {
    if (problem == NULL) return;
    problem->text[0] = 0;
    problem->path = 0;
}

static inline void mmfbus_shape__tell(mmfbus_problem *problem, const char *expected, const char *actual) {
    if (problem == NULL) return;
    problem->path = 0;
    snprintf(problem->text, sizeof problem->text, "expected %s, got %s", expected, actual);
}

/* Says in which part it was; the parts come from the inside out. What has no room is left out. */
static inline void mmfbus_shape__locate(mmfbus_problem *problem, const char *part) {
    size_t added = strlen(part), length;
    if (problem == NULL || added > sizeof problem->text / 4) return;
    length = strlen(problem->text);
    if (length + added >= sizeof problem->text) {
        if (problem->path + added >= sizeof problem->text / 2) return;
        length = sizeof problem->text - 1 - added;
    }
    memmove(problem->text + added, problem->text, length);
    memcpy(problem->text, part, added);
    problem->text[length + added] = 0;
    problem->path += added;
}

/* Puts the colon between the place and the problem. */
static inline void mmfbus_shape__finish(mmfbus_problem *problem) {
    char text[sizeof problem->text];
    size_t path;
    if (problem == NULL || problem->text[0] == 0) return;
    memcpy(text, problem->text, sizeof text);
    path = problem->path;
    if (path == 0) {
        snprintf(problem->text, sizeof problem->text, "value: %.*s", (int)(sizeof text - 8), text);
    } else {
        size_t dot = text[0] == '.' ? 1 : 0;
        snprintf(problem->text, sizeof problem->text, "%.*s: %.*s", (int)(path - dot), text + dot,
                 (int)(sizeof text - 3 - (path - dot)), text + path);
    }
    problem->path = 0;
}

static inline void mmfbus_shape__show(char out[40], mmfbus_string text) {
    size_t count = 0;
    for (; count < text.length && count < 36; count++) {
        char byte = text.data[count];
        out[count] = byte >= 0x20 && byte < 0x7f ? byte : '?';
    }
    if (count < text.length) {
        memcpy(out + count, "...", 4);
    } else {
        out[count] = 0;
    }
}

/* The next value in a few words. */
static inline void mmfbus_shape__describe(mmfbus_mp_reader reader, char out[64]) {
    mmfbus_mp_value value;
    mmfbus_string text;
    char shown[40];
    if (!mmfbus_mp_next(&reader, &value)) {
        snprintf(out, 64, "the end of the bytes");
        return;
    }
    switch (value.type) {
    case MMFBUS_MP_NIL: snprintf(out, 64, "nil"); break;
    case MMFBUS_MP_BOOL: snprintf(out, 64, "boolean %s", value.as.boolean ? "true" : "false"); break;
    case MMFBUS_MP_INT: snprintf(out, 64, "number %lld", (long long)value.as.integer); break;
    case MMFBUS_MP_UINT: snprintf(out, 64, "number %llu", (unsigned long long)value.as.natural); break;
    case MMFBUS_MP_DOUBLE: snprintf(out, 64, "number %.17g", value.as.real); break;
    case MMFBUS_MP_TEXT:
        text.data = (const char *)value.data;
        text.length = value.length;
        mmfbus_shape__show(shown, text);
        snprintf(out, 64, "string \"%s\"", shown);
        break;
    case MMFBUS_MP_BINARY: snprintf(out, 64, "%u bytes", (unsigned)value.length); break;
    case MMFBUS_MP_ARRAY: snprintf(out, 64, "array of %u", (unsigned)value.length); break;
    case MMFBUS_MP_MAP: snprintf(out, 64, "map of %u", (unsigned)value.length); break;
    default:
        if (value.extension == -1) {
            snprintf(out, 64, "timestamp");
        } else {
            snprintf(out, 64, "extension of type %d", value.extension);
        }
    }
}

/* -- Reading: false means that it was refused, and the problem is told. */

static inline bool mmfbus_shape__unexpected(mmfbus_shape__input *in, mmfbus_mp_reader at, const char *expected) {
    char actual[64];
    in->status = MMFBUS_UNDECODABLE;
    if (in->problem != NULL) {
        mmfbus_shape__describe(at, actual);
        mmfbus_shape__tell(in->problem, expected, actual);
    }
    return false;
}

static inline bool mmfbus_shape__refuse(mmfbus_shape__input *in, const char *expected, const char *actual) {
    in->status = MMFBUS_UNDECODABLE;
    mmfbus_shape__tell(in->problem, expected, actual);
    return false;
}

static inline bool mmfbus_shape__in_part(mmfbus_shape__input *in, const char *part) {
    mmfbus_shape__locate(in->problem, part);
    return false;
}

static inline bool mmfbus_shape__in_item(mmfbus_problem *problem, size_t index) {
    char part[32];
    snprintf(part, sizeof part, "[%zu]", index);
    mmfbus_shape__locate(problem, part);
    return false;
}

static inline bool mmfbus_shape__missing(mmfbus_shape__input *in, const char *part, const char *expected) {
    mmfbus_shape__refuse(in, expected, "nothing");
    return mmfbus_shape__in_part(in, part);
}

/* Whether a real number is whole and of these 64 bits; such a one is written to `value` as an integer. */
static inline bool mmfbus_shape__whole(mmfbus_mp_value *value) {
    double real = value->as.real;
    if (real >= 0 && real < 18446744073709551616.0 && (double)(uint64_t)real == real) {
        value->type = MMFBUS_MP_UINT;
        value->as.natural = (uint64_t)real;
        return true;
    }
    if (real < 0 && real >= -9223372036854775808.0 && (double)(int64_t)real == real) {
        value->type = MMFBUS_MP_INT;
        value->as.integer = (int64_t)real;
        return true;
    }
    return false;
}

static inline bool mmfbus_shape__read_natural(mmfbus_shape__input *in, uint64_t least, uint64_t most, const char *expected,
                                        uint64_t *number) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value)) return mmfbus_shape__unexpected(in, at, expected);
    if (value.type == MMFBUS_MP_DOUBLE) mmfbus_shape__whole(&value);
    if (value.type != MMFBUS_MP_UINT || value.as.natural < least || value.as.natural > most) {
        return mmfbus_shape__unexpected(in, at, expected);
    }
    *number = value.as.natural;
    return true;
}

static inline bool mmfbus_shape__read_integer(mmfbus_shape__input *in, int64_t least, int64_t most, const char *expected,
                                        int64_t *number) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value)) return mmfbus_shape__unexpected(in, at, expected);
    if (value.type == MMFBUS_MP_DOUBLE) mmfbus_shape__whole(&value);
    bool fits = value.type == MMFBUS_MP_INT || (value.type == MMFBUS_MP_UINT && value.as.natural <= INT64_MAX);
    if (!fits || value.as.integer < least || value.as.integer > most) return mmfbus_shape__unexpected(in, at, expected);
    *number = value.as.integer;
    return true;
}

/* Of each width, by the two above. */
#define MMFBUS_SHAPE__READ_WIDTH(name, type, wide, read)                                                                      \
    static inline bool mmfbus_shape__read_##name(mmfbus_shape__input *in, wide least, wide most, const char *expected, type *out) { \
        wide number;                                                                                                    \
        if (!read(in, least, most, expected, &number)) return false;                                                    \
        *out = (type)number;                                                                                            \
        return true;                                                                                                    \
    }
MMFBUS_SHAPE__READ_WIDTH(u8, uint8_t, uint64_t, mmfbus_shape__read_natural)
MMFBUS_SHAPE__READ_WIDTH(u16, uint16_t, uint64_t, mmfbus_shape__read_natural)
MMFBUS_SHAPE__READ_WIDTH(u32, uint32_t, uint64_t, mmfbus_shape__read_natural)
MMFBUS_SHAPE__READ_WIDTH(u64, uint64_t, uint64_t, mmfbus_shape__read_natural)
MMFBUS_SHAPE__READ_WIDTH(i8, int8_t, int64_t, mmfbus_shape__read_integer)
MMFBUS_SHAPE__READ_WIDTH(i16, int16_t, int64_t, mmfbus_shape__read_integer)
MMFBUS_SHAPE__READ_WIDTH(i32, int32_t, int64_t, mmfbus_shape__read_integer)
MMFBUS_SHAPE__READ_WIDTH(i64, int64_t, int64_t, mmfbus_shape__read_integer)
#undef MMFBUS_SHAPE__READ_WIDTH

/* A number of any kind that a double holds exactly. */
static inline bool mmfbus_shape__read_real(mmfbus_shape__input *in, const char *expected, double *number) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value)) return mmfbus_shape__unexpected(in, at, expected);
    *number = mmfbus_mp_number(&value, 0);
    if (value.type == MMFBUS_MP_DOUBLE) return true;
    mmfbus_mp_value back = value;
    back.as.real = *number;
    if (value.type == MMFBUS_MP_UINT && mmfbus_shape__whole(&back) && back.as.natural == value.as.natural) return true;
    back.as.real = *number;
    if (value.type == MMFBUS_MP_INT && mmfbus_shape__whole(&back) && back.as.integer == value.as.integer) return true;
    return mmfbus_shape__unexpected(in, at, expected);
}

/* A number of any kind, rounded to the nearest float: an integer in one step, not by way of a double. */
static inline bool mmfbus_shape__read_float(mmfbus_shape__input *in, float *number) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value)) return mmfbus_shape__unexpected(in, at, "f32");
    /* From here on it would round to infinity. */
    const double end = 3.4028235677973366e38;
    double real = value.as.real;
    switch (value.type) {
    case MMFBUS_MP_UINT: *number = (float)value.as.natural; return true;
    case MMFBUS_MP_INT: *number = (float)value.as.integer; return true;
    case MMFBUS_MP_DOUBLE:
        if (real - real == 0 && (real >= end || real <= -end)) break;
        *number = (float)real;
        return true;
    default: break;
    }
    return mmfbus_shape__unexpected(in, at, "f32");
}

static inline bool mmfbus_shape__read_double(mmfbus_shape__input *in, double *number) {
    return mmfbus_shape__read_real(in, "f64", number);
}

static inline bool mmfbus_shape__read_bool(mmfbus_shape__input *in, bool *boolean) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_BOOL) {
        return mmfbus_shape__unexpected(in, at, "boolean");
    }
    *boolean = value.as.boolean;
    return true;
}

/* Whether nil is next, which it then passes. */
static inline bool mmfbus_shape__read_nil(mmfbus_shape__input *in) {
    if (in->reader.offset >= in->reader.length || in->reader.data[in->reader.offset] != 0xc0) return false;
    in->reader.offset++;
    return true;
}

/* What a Date of JavaScript holds. */
static inline bool mmfbus_shape__is_timestamp(mmfbus_timestamp time) {
    const int64_t most = INT64_C(8640000000000);
    if (time.nanoseconds > 999999999 || time.seconds < -most || time.seconds > most) return false;
    return time.seconds < most || time.nanoseconds == 0;
}

static inline uint64_t mmfbus_shape__big_endian(const uint8_t *data, int bytes) {
    uint64_t number = 0;
    for (int index = 0; index < bytes; index++) number = number << 8 | data[index];
    return number;
}

static inline bool mmfbus_shape__read_timestamp(mmfbus_shape__input *in, mmfbus_timestamp *time) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_EXTENSION || value.extension != -1) {
        return mmfbus_shape__unexpected(in, at, "timestamp");
    }
    time->nanoseconds = 0;
    if (value.length == 4) {
        time->seconds = (int64_t)mmfbus_shape__big_endian(value.data, 4);
    } else if (value.length == 8) {
        uint64_t both = mmfbus_shape__big_endian(value.data, 8);
        time->nanoseconds = (uint32_t)(both >> 34);
        time->seconds = (int64_t)(both & UINT64_C(0x3ffffffff));
    } else if (value.length == 12) {
        time->nanoseconds = (uint32_t)mmfbus_shape__big_endian(value.data, 4);
        time->seconds = (int64_t)mmfbus_shape__big_endian(value.data + 4, 8);
    } else {
        return mmfbus_shape__refuse(in, "timestamp", "one of another length");
    }
    return mmfbus_shape__is_timestamp(*time) || mmfbus_shape__refuse(in, "timestamp", "one that is no valid date");
}

/* Whether it is UTF-8 (RFC 3629), and its characters. */
static inline bool mmfbus_shape__count_characters(mmfbus_string text, size_t *characters) {
    size_t at = 0;
    *characters = 0;
    while (at < text.length) {
        unsigned char first = (unsigned char)text.data[at];
        size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        unsigned char low = 0x80, high = 0xbf;
        if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return false;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
        if (more > text.length - at - 1) return false;
        for (size_t index = 1; index <= more; index++) {
            unsigned char byte = (unsigned char)text.data[at + index];
            if (byte < low || byte > high) return false;
            low = 0x80;
            high = 0xbf;
        }
        at += 1 + more;
        *characters += 1;
    }
    return true;
}

static inline const char *mmfbus_shape__wrong_text(mmfbus_string text, uint32_t most) {
    size_t characters;
    if (text.length > MMFBUS_SHAPE__MOST_TEXT) return "one of more than 16 MiB";
    if (!mmfbus_shape__count_characters(text, &characters)) return "one that is not UTF-8";
    return characters > most ? "a longer one" : NULL;
}

static inline bool mmfbus_shape__read_string(mmfbus_shape__input *in, uint32_t most, const char *expected, mmfbus_string *text) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_TEXT) {
        return mmfbus_shape__unexpected(in, at, expected);
    }
    text->data = (const char *)value.data;
    text->length = value.length;
    const char *wrong = mmfbus_shape__wrong_text(*text, most);
    return wrong == NULL || mmfbus_shape__refuse(in, expected, wrong);
}

static inline bool mmfbus_shape__read_bytes(mmfbus_shape__input *in, uint32_t most, const char *expected, mmfbus_bytes *bytes) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_BINARY || value.length > most) {
        return mmfbus_shape__unexpected(in, at, expected);
    }
    bytes->data = value.data;
    bytes->length = value.length;
    return true;
}

/* Passes a value of whatever kind, up to as many levels as Node does. */
static inline bool mmfbus_shape__pass(mmfbus_mp_reader *reader) {
    uint64_t left[MMFBUS_SHAPE__MOST_LEVELS + 1];
    int level = 0;
    left[0] = 1;
    while (level >= 0) {
        mmfbus_mp_value value;
        if (left[level] == 0) {
            level--;
            continue;
        }
        left[level]--;
        if (!mmfbus_mp_next(reader, &value)) return false;
        if (value.type != MMFBUS_MP_ARRAY && value.type != MMFBUS_MP_MAP) continue;
        if (level == MMFBUS_SHAPE__MOST_LEVELS) return false;
        left[++level] = value.type == MMFBUS_MP_MAP ? 2 * (uint64_t)value.length : value.length;
    }
    return true;
}

static inline bool mmfbus_shape__skip(mmfbus_shape__input *in) {
    return mmfbus_shape__pass(&in->reader) || mmfbus_shape__refuse(in, "a value", "no msgpack, or some that is nested too deep");
}

/* Any value, as it is written. */
static inline bool mmfbus_shape__read_raw(mmfbus_shape__input *in, mmfbus_bytes *bytes) {
    size_t start = in->reader.offset;
    if (!mmfbus_shape__skip(in)) return false;
    bytes->data = in->reader.data + start;
    bytes->length = in->reader.offset - start;
    return true;
}

static inline bool mmfbus_shape__same(mmfbus_string one, const char *other, size_t length) {
    return one.length == length && (length == 0 || memcmp(one.data, other, length) == 0);
}

static inline bool mmfbus_shape__read_choice(mmfbus_shape__input *in, const mmfbus_string *texts, uint32_t count,
                                       const char *expected, uint32_t *choice) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (mmfbus_mp_next(&in->reader, &value) && value.type == MMFBUS_MP_TEXT) {
        for (*choice = 0; *choice < count; ++*choice) {
            if (mmfbus_shape__same(texts[*choice], (const char *)value.data, value.length)) return true;
        }
    }
    return mmfbus_shape__unexpected(in, at, expected);
}

static inline bool mmfbus_shape__read_array(mmfbus_shape__input *in, uint32_t most, const char *expected, uint32_t *count) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_ARRAY || value.length > most) {
        return mmfbus_shape__unexpected(in, at, expected);
    }
    *count = value.length;
    return true;
}

static inline bool mmfbus_shape__read_map(mmfbus_shape__input *in, uint32_t most, const char *expected, uint32_t *count) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_MAP || value.length > most) {
        return mmfbus_shape__unexpected(in, at, expected);
    }
    *count = value.length;
    return true;
}

/* The key of a struct; without data for one that is no string, and so names nothing. */
static inline bool mmfbus_shape__read_key(mmfbus_shape__input *in, mmfbus_string *key) {
    mmfbus_mp_reader at = in->reader;
    mmfbus_mp_value value;
    key->data = NULL;
    key->length = 0;
    if (!mmfbus_mp_next(&in->reader, &value)) return mmfbus_shape__unexpected(in, at, "a key");
    if (value.type == MMFBUS_MP_TEXT) {
        key->data = (const char *)value.data;
        key->length = value.length;
        return true;
    }
    in->reader = at;
    return mmfbus_shape__skip(in);
}

static inline bool mmfbus_shape__is_key(mmfbus_string key, const char *name, size_t length) {
    return key.data != NULL && mmfbus_shape__same(key, name, length);
}

/* The one key that an object of JavaScript cannot have. */
static inline bool mmfbus_shape__is_proto(mmfbus_string key) {
    return mmfbus_shape__same(key, "__proto__", 9);
}

/* Looks for the tag of a union in the map that comes next. Of equal keys the last one counts. Moves nothing. */
static inline bool mmfbus_shape__find_tag(mmfbus_shape__input *in, const char *name, size_t length, const char *part,
                                    const char *expected, mmfbus_string *tag) {
    mmfbus_mp_reader start = in->reader;
    bool found = false;
    uint32_t count;
    if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__NO_LIMIT, expected, &count)) return false;
    for (; count > 0; count--) {
        mmfbus_string key;
        if (!mmfbus_shape__read_key(in, &key)) return false;
        if (!mmfbus_shape__is_key(key, name, length)) {
            if (!mmfbus_shape__skip(in)) return false;
            continue;
        }
        mmfbus_mp_reader at = in->reader;
        mmfbus_mp_value value;
        if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_TEXT) {
            mmfbus_shape__unexpected(in, at, expected);
            return mmfbus_shape__in_part(in, part);
        }
        tag->data = (const char *)value.data;
        tag->length = value.length;
        found = true;
    }
    if (!found) return mmfbus_shape__missing(in, part, expected);
    in->reader = start;
    return true;
}

/* The same where structs are arrays: the tag is the first item. */
static inline bool mmfbus_shape__first_tag(mmfbus_shape__input *in, const char *part, const char *expected, mmfbus_string *tag) {
    mmfbus_mp_reader start = in->reader, at;
    mmfbus_mp_value value;
    uint32_t count;
    if (!mmfbus_shape__read_array(in, MMFBUS_SHAPE__NO_LIMIT, expected, &count)) return false;
    if (count == 0) return mmfbus_shape__missing(in, part, expected);
    at = in->reader;
    if (!mmfbus_mp_next(&in->reader, &value) || value.type != MMFBUS_MP_TEXT) {
        mmfbus_shape__unexpected(in, at, expected);
        return mmfbus_shape__in_part(in, part);
    }
    tag->data = (const char *)value.data;
    tag->length = value.length;
    in->reader = start;
    return true;
}

static inline bool mmfbus_shape__unknown_tag(mmfbus_shape__input *in, const char *part, const char *expected, mmfbus_string tag) {
    char shown[40], actual[64];
    mmfbus_shape__show(shown, tag);
    snprintf(actual, sizeof actual, "string \"%s\"", shown);
    mmfbus_shape__refuse(in, expected, actual);
    return mmfbus_shape__in_part(in, part);
}

/* The tag itself, as a field of the struct that it names. */
static inline bool mmfbus_shape__read_tag(mmfbus_shape__input *in, const char *name, size_t length, const char *expected) {
    mmfbus_string text;
    uint32_t choice;
    text.data = name;
    text.length = length;
    return mmfbus_shape__read_choice(in, &text, 1, expected, &choice);
}

/* Room for `count` items of `size` bytes; `items` is NULL for none. */
static inline bool mmfbus_shape__reserve(mmfbus_shape__input *in, size_t count, size_t size, void **items) {
    mmfbus_arena *arena = in->arena;
    *items = NULL;
    if (count == 0) return true;
    if (arena != NULL && arena->memory != NULL && arena->used <= arena->size) {
        size_t end = (size_t)((uintptr_t)arena->memory + arena->used), gap = (8 - end % 8) % 8;
        size_t room = arena->size - arena->used;
        if (gap <= room && count <= (room - gap) / size) {
            *items = (char *)arena->memory + arena->used + gap;
            arena->used += gap + count * size;
            return true;
        }
    }
    in->status = MMFBUS_NO_MEMORY;
    if (in->problem != NULL) {
        in->problem->path = 0;
        snprintf(in->problem->text, sizeof in->problem->text, "the arena has no room for %zu items of %zu bytes", count,
                 size);
    }
    return false;
}

static inline mmfbus_shape__input mmfbus_shape__begin_input(const void *data, size_t length, mmfbus_arena *arena,
                                                mmfbus_problem *problem) {
    mmfbus_shape__input in;
    in.reader = mmfbus_mp_read_from(data, length);
    in.arena = arena;
    in.problem = problem;
    in.status = MMFBUS_OK;
    mmfbus_shape__clear(problem);
    return in;
}

/* @param used of the arena before; what was reserved for a value that is refused is given back. */
static inline mmfbus_status mmfbus_shape__end_input(mmfbus_shape__input *in, bool is_read, size_t used) {
    if (is_read && in->reader.offset < in->reader.length) {
        char actual[64];
        snprintf(actual, sizeof actual, "%zu more bytes", in->reader.length - in->reader.offset);
        is_read = mmfbus_shape__refuse(in, "the end", actual);
    }
    if (is_read) return MMFBUS_OK;
    if (in->arena != NULL) in->arena->used = used;
    mmfbus_shape__finish(in->problem);
    return in->status;
}

static inline bool mmfbus_shape__check_size(mmfbus_shape__input *in) {
    return in->reader.length <= MMFBUS_SHAPE__MOST_SIZE || mmfbus_shape__refuse(in, "at most 64 MiB", "more");
}

/* -- Writing: false means that the value was refused. */

static inline bool mmfbus_shape__deny(mmfbus_shape__output *out, const char *expected, const char *actual) {
    out->status = MMFBUS_UNENCODABLE;
    mmfbus_shape__tell(out->problem, expected, actual);
    return false;
}

static inline bool mmfbus_shape__from_part(mmfbus_shape__output *out, const char *part) {
    mmfbus_shape__locate(out->problem, part);
    return false;
}

static inline bool mmfbus_shape__write_natural(mmfbus_shape__output *out, uint64_t least, uint64_t most, const char *expected,
                                         uint64_t number) {
    char actual[64];
    mmfbus_mp_uint(out->writer, number);
    if (number >= least && number <= most) return true;
    snprintf(actual, sizeof actual, "number %llu", (unsigned long long)number);
    return mmfbus_shape__deny(out, expected, actual);
}

static inline bool mmfbus_shape__write_integer(mmfbus_shape__output *out, int64_t least, int64_t most, const char *expected,
                                         int64_t number) {
    char actual[64];
    mmfbus_mp_int(out->writer, number);
    if (number >= least && number <= most) return true;
    snprintf(actual, sizeof actual, "number %lld", (long long)number);
    return mmfbus_shape__deny(out, expected, actual);
}

static inline bool mmfbus_shape__write_float(mmfbus_shape__output *out, float number) {
    mmfbus_mp_float(out->writer, number);
    return true;
}

static inline bool mmfbus_shape__write_double(mmfbus_shape__output *out, double number) {
    mmfbus_mp_double(out->writer, number);
    return true;
}

static inline bool mmfbus_shape__write_bool(mmfbus_shape__output *out, bool boolean) {
    mmfbus_mp_bool(out->writer, boolean);
    return true;
}

static inline bool mmfbus_shape__write_nil(mmfbus_shape__output *out) {
    mmfbus_mp_nil(out->writer);
    return true;
}

static inline void mmfbus_shape__put_big_endian(uint8_t *data, uint64_t number, int bytes) {
    for (int index = 0; index < bytes; index++) data[index] = (uint8_t)(number >> (8 * (bytes - 1 - index)));
}

static inline bool mmfbus_shape__write_timestamp(mmfbus_shape__output *out, mmfbus_timestamp time) {
    uint8_t data[12];
    if (!mmfbus_shape__is_timestamp(time)) return mmfbus_shape__deny(out, "timestamp", "one that is no valid date");
    if (time.seconds < 0 || time.seconds >= INT64_C(0x400000000)) {
        mmfbus_shape__put_big_endian(data, time.nanoseconds, 4);
        mmfbus_shape__put_big_endian(data + 4, (uint64_t)time.seconds, 8);
        mmfbus_mp_extension(out->writer, -1, data, 12);
    } else if (time.nanoseconds == 0 && time.seconds <= INT64_C(0xffffffff)) {
        mmfbus_shape__put_big_endian(data, (uint64_t)time.seconds, 4);
        mmfbus_mp_extension(out->writer, -1, data, 4);
    } else {
        mmfbus_shape__put_big_endian(data, (uint64_t)time.nanoseconds << 34 | (uint64_t)time.seconds, 8);
        mmfbus_mp_extension(out->writer, -1, data, 8);
    }
    return true;
}

static inline bool mmfbus_shape__write_string(mmfbus_shape__output *out, uint32_t most, const char *expected, mmfbus_string text) {
    const char *wrong = mmfbus_shape__wrong_text(text, most);
    if (wrong != NULL) return mmfbus_shape__deny(out, expected, wrong);
    mmfbus_mp_text(out->writer, text.data, text.length);
    return true;
}

static inline bool mmfbus_shape__write_bytes(mmfbus_shape__output *out, uint32_t most, const char *expected, mmfbus_bytes bytes) {
    if (bytes.length > most) return mmfbus_shape__deny(out, expected, "more");
    mmfbus_mp_binary(out->writer, bytes.data, bytes.length);
    return true;
}

static inline bool mmfbus_shape__write_raw(mmfbus_shape__output *out, mmfbus_bytes bytes) {
    mmfbus_mp_reader reader = mmfbus_mp_read_from(bytes.data, bytes.length);
    if (!mmfbus_shape__pass(&reader) || reader.offset < reader.length) {
        return mmfbus_shape__deny(out, "exactly one value of msgpack", "something else");
    }
    mmfbus_mp_raw(out->writer, bytes.data, bytes.length);
    return true;
}

static inline bool mmfbus_shape__write_name(mmfbus_shape__output *out, const char *name, size_t length) {
    mmfbus_mp_text(out->writer, name, length);
    return true;
}

static inline bool mmfbus_shape__write_choice(mmfbus_shape__output *out, const mmfbus_string *texts, uint32_t count,
                                        const char *expected, uint32_t choice) {
    if (choice >= count) return mmfbus_shape__deny(out, expected, "none of them");
    return mmfbus_shape__write_name(out, texts[choice].data, texts[choice].length);
}

static inline bool mmfbus_shape__write_array(mmfbus_shape__output *out, uint32_t most, const char *expected, size_t count) {
    if (count > most) return mmfbus_shape__deny(out, expected, "a longer one");
    mmfbus_mp_array(out->writer, (uint32_t)count);
    return true;
}

static inline bool mmfbus_shape__write_map(mmfbus_shape__output *out, uint32_t most, size_t count) {
    if (count > most) return mmfbus_shape__deny(out, "map", "a longer one");
    mmfbus_mp_map(out->writer, (uint32_t)count);
    return true;
}

static inline mmfbus_shape__output mmfbus_shape__begin_output(mmfbus_mp_writer *writer, mmfbus_problem *problem) {
    mmfbus_shape__output out;
    out.writer = writer;
    out.problem = problem;
    out.status = MMFBUS_OK;
    mmfbus_shape__clear(problem);
    return out;
}

static inline mmfbus_status mmfbus_shape__end_output(mmfbus_shape__output *out, bool is_written) {
    if (is_written && mmfbus_mp_fits(out->writer)) return MMFBUS_OK;
    if (is_written) {
        char actual[64];
        snprintf(actual, sizeof actual, "%zu", out->writer->length);
        out->status = MMFBUS_TOO_LARGE;
        mmfbus_shape__tell(out->problem, "a value that fits into the writer, in bytes", actual);
    }
    mmfbus_shape__finish(out->problem);
    return out->status;
}

#ifdef __cplusplus
}
#endif

#endif
