/* Written by mmfbus-generate from a shape. Do not edit: generate it again. */
#ifndef ANSWER_H
#define ANSWER_H

#include "mmfbus_shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter. */
#define ANSWER_CODEC "msgpack"
#define ANSWER_FINGERPRINT "93d3220bc03a28ecabdbcaa393d362c6850055d922134c9914142aaf8657eacb"
#define ANSWER_SCHEMA \
    "{\"version\":1,\"shape\":{\"struct\":[[\"id\",\"u32\"],[\"result\",\"f64\"]]}}"

/* Bytes that a value takes at most. */
#define ANSWER_MAX_SIZE 25u

typedef struct answer {
    uint32_t id;
    double result;
} answer;

static inline bool answer__read(mmfbus_shape__input *in, answer *value) {
    uint32_t count;
    bool seen_0 = false;
    bool seen_1 = false;
    memset(value, 0, sizeof *value);
    if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__NO_LIMIT, "struct", &count)) return false;
    for (; count > 0; count--) {
        mmfbus_string key;
        if (!mmfbus_shape__read_key(in, &key)) return false;
        if (mmfbus_shape__is_key(key, "id", 2)) {
            if (!mmfbus_shape__read_u32(in, 0, UINT64_C(4294967295), "u32", &value->id)) return mmfbus_shape__in_part(in, ".id");
            seen_0 = true;
        } else if (mmfbus_shape__is_key(key, "result", 6)) {
            if (!mmfbus_shape__read_double(in, &value->result)) return mmfbus_shape__in_part(in, ".result");
            seen_1 = true;
        } else if (!mmfbus_shape__skip(in)) {
            return false;
        }
    }
    if (!seen_0) return mmfbus_shape__missing(in, ".id", "u32");
    if (!seen_1) return mmfbus_shape__missing(in, ".result", "f64");
    return true;
}

static inline bool answer__write(mmfbus_shape__output *out, const answer *value) {
    mmfbus_mp_map(out->writer, 2u);
    mmfbus_mp_text(out->writer, "id", 2);
    if (!mmfbus_shape__write_natural(out, 0, UINT64_C(4294967295), "u32", value->id)) return mmfbus_shape__from_part(out, ".id");
    mmfbus_mp_text(out->writer, "result", 6);
    if (!mmfbus_shape__write_double(out, value->result)) return mmfbus_shape__from_part(out, ".result");
    return true;
}

/* Has a channel joined or made that carries these values: others are MMFBUS_SCHEMA_MISMATCH. */
static inline void answer_describe(mmfbus_options *options) {
    options->codec = ANSWER_CODEC;
    options->schema = ANSWER_SCHEMA;
}

/* Reads a message. mmfbus_shape.h says what becomes of the arena, and of `problem`. */
static inline mmfbus_status answer_decode(answer *value, const void *data, size_t length,
    mmfbus_arena *arena, mmfbus_problem *problem) {
    mmfbus_shape__input input = mmfbus_shape__begin_input(data, length, arena, problem), *in = &input;
    size_t used = arena != NULL ? arena->used : 0;
    bool is_read = mmfbus_shape__check_size(in) && answer__read(in, &*value);
    return mmfbus_shape__end_input(in, is_read, used);
}

/* Writes a message. MMFBUS_TOO_LARGE: it takes `writer->length` bytes. */
static inline mmfbus_status answer_encode(mmfbus_mp_writer *writer, const answer *value,
    mmfbus_problem *problem) {
    mmfbus_shape__output output = mmfbus_shape__begin_output(writer, problem), *out = &output;
    return mmfbus_shape__end_output(out, answer__write(out, &*value));
}

#ifdef __cplusplus
}
#endif

#endif
