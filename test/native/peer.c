/*
 * The far end of the compatibility tests: a native program that shares mappings with Node.
 *
 * It reads commands from its standard input and answers each with one line, `ok ...` or `error ...`:
 *
 *   create plain|rule <os name> <bytes>    a new mapping, lock word and all; `ok <bytes>`
 *   open plain|rule <os name> <bytes>      one that exists, 0 for as many bytes as there are; `ok <bytes>`
 *   close                                  unmaps it
 *   word                                   `ok <lock word>`, 8 hexadecimal digits
 *   lock read|write, unlock read|write     one try; `error refused <lock word>`
 *   write <hex>, read <count>              from the start of the data, under the lock; one try for it
 *   peek <offset> <count>                  from the start of the mapping, without the lock
 *   poke <offset> <hex>                    the same, into it
 *   count <times> <racers>                 waits until that many are here, then adds 1 to the u32 at the start of the
 *                                          data so often, under the write lock, and not atomically; `ok <refusals>`
 *   exit                                   also at the end of the input
 *
 *   gcc -std=c11 -O2 -Wall -Wextra -Werror peer.c mapping_posix.c -o peer
 *   x86_64-w64-mingw32-gcc -std=c11 -O2 -Wall -Wextra -Werror peer.c mapping_windows.c -o peer.exe
 */
#include "mapping.h"
#include "rw_lock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#define LINE_LENGTH 65536
#define DATA_OFFSET 4
/* Within the data: where racers meet, behind the counter. */
#define RACERS_OFFSET 4

static struct mapping *mapping;

static void answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static rw_lock *lock_word(void) {
    return (rw_lock *)(void *)mapping_memory(mapping);
}

static unsigned char *data(void) {
    return mapping_memory(mapping) + DATA_OFFSET;
}

static void answer_refused(void) {
    answer("error refused %08" PRIx32, (uint32_t)atomic_load(lock_word()));
}

static void initialise(unsigned char *memory) {
    rw_lock_initialise((rw_lock *)(void *)memory);
}

static bool is_within(size_t offset, size_t count) {
    size_t size = mapping_size(mapping);
    if (offset <= size && count <= size - offset) return true;
    answer("error outside of %zu bytes", size);
    return false;
}

static void answer_bytes(const unsigned char *bytes, size_t count) {
    fputs("ok ", stdout);
    for (size_t index = 0; index < count; index++) printf("%02x", bytes[index]);
    answer("");
}

static void store_hex(unsigned char *target, const char *hex) {
    for (; hex[0] != 0 && hex[1] != 0; hex += 2) {
        char digits[3] = {hex[0], hex[1], 0};
        *target++ = (unsigned char)strtoul(digits, NULL, 16);
    }
}

static void create_or_open(bool create, const char *how, const char *os_name, size_t size) {
    enum mapping_rule rule = strcmp(how, "rule") == 0 ? MAPPING_BY_RULE : MAPPING_PLAIN;
    if (mapping != NULL) mapping_close(mapping);
    mapping = create ? mapping_create(rule, os_name, size, initialise) : mapping_open(rule, os_name, size);
    if (mapping != NULL) {
        answer("ok %zu", mapping_size(mapping));
    } else {
        struct mapping_failure failure = mapping_last_failure();
        answer("error %s %ld", failure.call, failure.code);
    }
}

static void write_data(const char *hex) {
    if (!is_within(DATA_OFFSET, strlen(hex) / 2)) return;
    if (!rw_lock_try(lock_word(), RW_WRITE)) {
        answer_refused();
        return;
    }
    store_hex(data(), hex);
    rw_lock_release(lock_word(), RW_WRITE);
    answer("ok");
}

static void read_data(size_t count) {
    if (!is_within(DATA_OFFSET, count)) return;
    if (!rw_lock_try(lock_word(), RW_READ)) {
        answer_refused();
        return;
    }
    answer_bytes(data(), count);
    rw_lock_release(lock_word(), RW_READ);
}

static void take_or_release(bool take, const char *kind_name) {
    enum rw_kind kind = strcmp(kind_name, "write") == 0 ? RW_WRITE : RW_READ;
    if (take ? rw_lock_try(lock_word(), kind) : rw_lock_release(lock_word(), kind)) {
        answer("ok");
    } else {
        answer_refused();
    }
}

static void count_under_lock(size_t times, uint32_t racers) {
    /* Volatile: a compiler must not carry the counter in a register from one turn to the next. */
    volatile uint32_t *counter = (volatile uint32_t *)(void *)data();
    _Atomic uint32_t *arrived = (_Atomic uint32_t *)(void *)(data() + RACERS_OFFSET);
    uint64_t refusals = 0;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < racers) yield_processor();
    for (size_t turn = 0; turn < times; turn++) {
        while (!rw_lock_try(lock_word(), RW_WRITE)) {
            refusals++;
            yield_processor();
        }
        *counter = *counter + 1;
        rw_lock_release(lock_word(), RW_WRITE);
    }
    answer("ok %" PRIu64, refusals);
}

/* False when it is to end. */
static bool obey(char *line) {
    char *words[4] = {0};
    int count = 0;
    for (char *word = strtok(line, " \r\n"); word != NULL && count < 4; word = strtok(NULL, " \r\n")) words[count++] = word;
    const char *command = count > 0 ? words[0] : "";
    const char *first = count > 1 ? words[1] : "";
    const char *second = count > 2 ? words[2] : "";
    const char *third = count > 3 ? words[3] : "";
    size_t number = (size_t)strtoull(first, NULL, 10);

    if (strcmp(command, "exit") == 0) return false;
    if (strcmp(command, "create") == 0 || strcmp(command, "open") == 0) {
        create_or_open(command[0] == 'c', first, second, (size_t)strtoull(third, NULL, 10));
    } else if (mapping == NULL) {
        answer("error nothing is open");
    } else if (strcmp(command, "close") == 0) {
        mapping_close(mapping);
        mapping = NULL;
        answer("ok");
    } else if (strcmp(command, "word") == 0) {
        answer("ok %08" PRIx32, (uint32_t)atomic_load(lock_word()));
    } else if (strcmp(command, "lock") == 0 || strcmp(command, "unlock") == 0) {
        take_or_release(command[0] == 'l', first);
    } else if (strcmp(command, "write") == 0) {
        write_data(first);
    } else if (strcmp(command, "read") == 0) {
        read_data(number);
    } else if (strcmp(command, "peek") == 0) {
        size_t length = (size_t)strtoull(second, NULL, 10);
        if (is_within(number, length)) answer_bytes(mapping_memory(mapping) + number, length);
    } else if (strcmp(command, "poke") == 0) {
        if (is_within(number, strlen(second) / 2)) {
            store_hex(mapping_memory(mapping) + number, second);
            answer("ok");
        }
    } else if (strcmp(command, "count") == 0) {
        if (is_within(DATA_OFFSET, RACERS_OFFSET + 4)) count_under_lock(number, (uint32_t)strtoul(second, NULL, 10));
    } else {
        answer("error no such command");
    }
    return true;
}

int main(void) {
    static char line[LINE_LENGTH];
#ifdef _WIN32
    /* As bytes: otherwise every line would end in two characters. */
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    while (fgets(line, sizeof line, stdin) != NULL && obey(line)) {
    }
    if (mapping != NULL) mapping_close(mapping);
    return 0;
}
