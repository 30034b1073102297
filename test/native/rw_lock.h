/*
 * The lock word at the start of a mapping, written from docs/names.md:
 *
 *   bit 31: a writer holds it; bits 0-23: how many readers do; the whole top byte set: not initialised.
 *
 * The operations are sequentially consistent, as JavaScript's are: the data between taking and releasing needs no more.
 */
#ifndef RW_LOCK_H
#define RW_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RW_LOCK_UNINITIALIZED 0xff000000u
#define RW_LOCK_WRITER 0x80000000u
#define RW_LOCK_READERS 0x00ffffffu

typedef _Atomic uint32_t rw_lock;

/* Another process reads these four bytes: nothing may be hidden beside the number. */
_Static_assert(sizeof(rw_lock) == 4, "the lock word has 4 bytes");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock between processes must not be made of a lock within one");

enum rw_kind { RW_READ, RW_WRITE };

static inline void rw_lock_initialise(rw_lock *lock) {
    uint32_t expected = RW_LOCK_UNINITIALIZED;
    atomic_store(lock, RW_LOCK_UNINITIALIZED);
    atomic_compare_exchange_strong(lock, &expected, 0);
}

static inline bool rw_lock_is_initialised(uint32_t word) {
    return (word & RW_LOCK_UNINITIALIZED) != RW_LOCK_UNINITIALIZED;
}

static inline bool rw_lock_may_take(uint32_t word, enum rw_kind kind) {
    if (!rw_lock_is_initialised(word) || (word & RW_LOCK_WRITER) != 0) return false;
    uint32_t readers = word & RW_LOCK_READERS;
    return kind == RW_WRITE ? readers == 0 : readers != RW_LOCK_READERS;
}

/* Tries once; false when another process's lock forbids it, or when the word is not initialised. */
static inline bool rw_lock_try(rw_lock *lock, enum rw_kind kind) {
    uint32_t word = atomic_load(lock);
    while (rw_lock_may_take(word, kind)) {
        uint32_t taken = kind == RW_WRITE ? word | RW_LOCK_WRITER : word + 1;
        if (atomic_compare_exchange_weak(lock, &word, taken)) return true;
    }
    return false;
}

/* False when it was not held. */
static inline bool rw_lock_release(rw_lock *lock, enum rw_kind kind) {
    uint32_t word = atomic_load(lock);
    uint32_t mine = kind == RW_WRITE ? RW_LOCK_WRITER : RW_LOCK_READERS;
    while (rw_lock_is_initialised(word) && (word & mine) != 0) {
        uint32_t released = kind == RW_WRITE ? word & ~RW_LOCK_WRITER : word - 1;
        if (atomic_compare_exchange_weak(lock, &word, released)) return true;
    }
    return false;
}

#endif
