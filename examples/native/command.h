/* Written by mmfbus-generate from a shape. Do not edit: generate it again. */
#ifndef COMMAND_H
#define COMMAND_H

#include "mmfbus_shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter. */
#define COMMAND_CODEC "msgpack"
#define COMMAND_FINGERPRINT "4c826480ef5ed8eae5bfb2bf622a1976875d342166b4451ad40f7513e00bd21c"
#define COMMAND_SCHEMA \
    "{\"version\":1,\"shape\":{\"struct\":[[\"op\",{\"oneOf\":[\"negate\",\"square\",\"stop\"]}],[\"id" \
    "\",\"u32\"],[\"n\",\"f64\"]]}}"

/* Bytes that a value takes at most. */
#define COMMAND_MAX_SIZE 30u

typedef enum command_op {
    COMMAND_OP_SQUARE,
    COMMAND_OP_NEGATE,
    COMMAND_OP_STOP
} command_op;

static const mmfbus_string command_op_texts[] = {
    {"square", 6},
    {"negate", 6},
    {"stop", 4},
};

typedef struct command {
    command_op op;
    uint32_t id;
    double n;
} command;

static inline bool command_op__read(mmfbus_shape__input *in, command_op *value) {
    uint32_t choice;
    if (!mmfbus_shape__read_choice(in, command_op_texts, 3, "one of \"square\", \"negate\", \"stop\"", &choice)) return false;
    *value = (command_op)choice;
    return true;
}

static inline bool command_op__write(mmfbus_shape__output *out, const command_op *value) {
    return mmfbus_shape__write_choice(out, command_op_texts, 3, "one of \"square\", \"negate\", \"stop\"", (uint32_t)*value);
}

static inline bool command__read(mmfbus_shape__input *in, command *value) {
    uint32_t count;
    bool seen_0 = false;
    bool seen_1 = false;
    bool seen_2 = false;
    memset(value, 0, sizeof *value);
    if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__NO_LIMIT, "struct", &count)) return false;
    for (; count > 0; count--) {
        mmfbus_string key;
        if (!mmfbus_shape__read_key(in, &key)) return false;
        if (mmfbus_shape__is_key(key, "op", 2)) {
            if (!command_op__read(in, &value->op)) return mmfbus_shape__in_part(in, ".op");
            seen_0 = true;
        } else if (mmfbus_shape__is_key(key, "id", 2)) {
            if (!mmfbus_shape__read_u32(in, 0, UINT64_C(4294967295), "u32", &value->id)) return mmfbus_shape__in_part(in, ".id");
            seen_1 = true;
        } else if (mmfbus_shape__is_key(key, "n", 1)) {
            if (!mmfbus_shape__read_double(in, &value->n)) return mmfbus_shape__in_part(in, ".n");
            seen_2 = true;
        } else if (!mmfbus_shape__skip(in)) {
            return false;
        }
    }
    if (!seen_0) return mmfbus_shape__missing(in, ".op", "one of \"square\", \"negate\", \"stop\"");
    if (!seen_1) return mmfbus_shape__missing(in, ".id", "u32");
    if (!seen_2) return mmfbus_shape__missing(in, ".n", "f64");
    return true;
}

static inline bool command__write(mmfbus_shape__output *out, const command *value) {
    mmfbus_mp_map(out->writer, 3u);
    mmfbus_mp_text(out->writer, "op", 2);
    if (!command_op__write(out, &value->op)) return mmfbus_shape__from_part(out, ".op");
    mmfbus_mp_text(out->writer, "id", 2);
    if (!mmfbus_shape__write_natural(out, 0, UINT64_C(4294967295), "u32", value->id)) return mmfbus_shape__from_part(out, ".id");
    mmfbus_mp_text(out->writer, "n", 1);
    if (!mmfbus_shape__write_double(out, value->n)) return mmfbus_shape__from_part(out, ".n");
    return true;
}

/* Has a channel joined or made that carries these values: others are MMFBUS_SCHEMA_MISMATCH. */
static inline void command_describe(mmfbus_options *options) {
    options->codec = COMMAND_CODEC;
    options->schema = COMMAND_SCHEMA;
}

/* Reads a message. mmfbus_shape.h says what becomes of the arena, and of `problem`. */
static inline mmfbus_status command_decode(command *value, const void *data, size_t length,
    mmfbus_arena *arena, mmfbus_problem *problem) {
    mmfbus_shape__input input = mmfbus_shape__begin_input(data, length, arena, problem), *in = &input;
    size_t used = arena != NULL ? arena->used : 0;
    bool is_read = mmfbus_shape__check_size(in) && command__read(in, &*value);
    return mmfbus_shape__end_input(in, is_read, used);
}

/* Writes a message. MMFBUS_TOO_LARGE: it takes `writer->length` bytes. */
static inline mmfbus_status command_encode(mmfbus_mp_writer *writer, const command *value,
    mmfbus_problem *problem) {
    mmfbus_shape__output output = mmfbus_shape__begin_output(writer, problem), *out = &output;
    return mmfbus_shape__end_output(out, command__write(out, &*value));
}

#ifdef __cplusplus
}
#endif

#endif
