/* Written by mmfbus-generate from a shape. Do not edit: generate it again. */
#ifndef READING_H
#define READING_H

#include "mmfbus_shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter. */
#define READING_CODEC "msgpack"
#define READING_FINGERPRINT "38daeda318b1a2297be5c603ff0812c866f4e7ae9245aa9f458c540f55b92cb4"
#define READING_SCHEMA \
    "{\"version\":1,\"shape\":{\"struct\":[[\"sensor\",{\"string\":{\"maxLength\":16}}],[\"celsius" \
    "\",\"f64\"],[\"last\",\"boolean\"]]}}"

/* Bytes that a value takes at most. */
#define READING_MAX_SIZE 100u

typedef struct reading {
    mmfbus_string sensor;
    double celsius;
    bool last;
} reading;

static inline bool reading__read(mmfbus_shape__input *in, reading *value) {
    uint32_t count;
    bool seen_0 = false;
    bool seen_1 = false;
    bool seen_2 = false;
    memset(value, 0, sizeof *value);
    if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__NO_LIMIT, "struct", &count)) return false;
    for (; count > 0; count--) {
        mmfbus_string key;
        if (!mmfbus_shape__read_key(in, &key)) return false;
        if (mmfbus_shape__is_key(key, "sensor", 6)) {
            if (!mmfbus_shape__read_string(in, 16, "string of at most 16 characters", &value->sensor)) return mmfbus_shape__in_part(in, ".sensor");
            seen_0 = true;
        } else if (mmfbus_shape__is_key(key, "celsius", 7)) {
            if (!mmfbus_shape__read_double(in, &value->celsius)) return mmfbus_shape__in_part(in, ".celsius");
            seen_1 = true;
        } else if (mmfbus_shape__is_key(key, "last", 4)) {
            if (!mmfbus_shape__read_bool(in, &value->last)) return mmfbus_shape__in_part(in, ".last");
            seen_2 = true;
        } else if (!mmfbus_shape__skip(in)) {
            return false;
        }
    }
    if (!seen_0) return mmfbus_shape__missing(in, ".sensor", "string of at most 16 characters");
    if (!seen_1) return mmfbus_shape__missing(in, ".celsius", "f64");
    if (!seen_2) return mmfbus_shape__missing(in, ".last", "boolean");
    return true;
}

static inline bool reading__write(mmfbus_shape__output *out, const reading *value) {
    mmfbus_mp_map(out->writer, 3u);
    mmfbus_mp_text(out->writer, "sensor", 6);
    if (!mmfbus_shape__write_string(out, 16, "string of at most 16 characters", value->sensor)) return mmfbus_shape__from_part(out, ".sensor");
    mmfbus_mp_text(out->writer, "celsius", 7);
    if (!mmfbus_shape__write_double(out, value->celsius)) return mmfbus_shape__from_part(out, ".celsius");
    mmfbus_mp_text(out->writer, "last", 4);
    if (!mmfbus_shape__write_bool(out, value->last)) return mmfbus_shape__from_part(out, ".last");
    return true;
}

/* Has a channel joined or made that carries these values: others are MMFBUS_SCHEMA_MISMATCH. */
static inline void reading_describe(mmfbus_options *options) {
    options->codec = READING_CODEC;
    options->schema = READING_SCHEMA;
}

/* Reads a message. mmfbus_shape.h says what becomes of the arena, and of `problem`. */
static inline mmfbus_status reading_decode(reading *value, const void *data, size_t length,
    mmfbus_arena *arena, mmfbus_problem *problem) {
    mmfbus_shape__input input = mmfbus_shape__begin_input(data, length, arena, problem), *in = &input;
    size_t used = arena != NULL ? arena->used : 0;
    bool is_read = mmfbus_shape__check_size(in) && reading__read(in, &*value);
    return mmfbus_shape__end_input(in, is_read, used);
}

/* Writes a message. MMFBUS_TOO_LARGE: it takes `writer->length` bytes. */
static inline mmfbus_status reading_encode(mmfbus_mp_writer *writer, const reading *value,
    mmfbus_problem *problem) {
    mmfbus_shape__output output = mmfbus_shape__begin_output(writer, problem), *out = &output;
    return mmfbus_shape__end_output(out, reading__write(out, &*value));
}

#ifdef __cplusplus
}
#endif

#endif
