/*
 * Named memory by the calls of the operating system, with nothing of ours between: mapping_posix.c uses shm_open and
 * mmap, mapping_windows.c CreateFileMappingA and MapViewOfFile. One of the two is linked.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include <stddef.h>

enum mapping_rule {
    /* A program that knows nothing of ours: no mark, no flock, removes nothing. */
    MAPPING_PLAIN,
    /* One that follows the flock rule of docs/names.md. Not on Windows, which needs no rule. */
    MAPPING_BY_RULE,
};

struct mapping;

/* The call that failed last, and its error number. */
struct mapping_failure {
    const char *call;
    long code;
};

/*
 * Makes a new one of `size` bytes, all zero, and has `initialise` fill it. Under the rule no process sees it before that;
 * otherwise the name comes first, as with any plain program. NULL when it failed.
 */
struct mapping *mapping_create(enum mapping_rule rule, const char *os_name, size_t size,
                               void (*initialise)(unsigned char *memory));

/* Opens one that exists; size 0 maps all there is to find. NULL when it failed. */
struct mapping *mapping_open(enum mapping_rule rule, const char *os_name, size_t size);

/* Unmaps it; under the rule the last one to do so removes it. */
void mapping_close(struct mapping *mapping);

unsigned char *mapping_memory(const struct mapping *mapping);
size_t mapping_size(const struct mapping *mapping);
struct mapping_failure mapping_last_failure(void);

/* Lets others run on this processor. */
void yield_processor(void);

#endif
