/*
 * The mappings of mmfbus.h as the far end of the compatibility tests: it obeys the commands of peer.c, but for `peek` and
 * `poke`, and makes no difference between `plain` and `rule`.
 *
 *   gcc -std=c11 -O2 -Wall -Wextra -Werror -I ../../packages/native/include mmf_peer.c -o mmf-peer -pthread
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#define LINE_LENGTH 65536
/* What peer.c calls the size of a mapping has the lock word in it. */
#define LOCK_WORD 4

static mmf *mapping;

static void answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* What the header says of a call, as an answer. */
static void answer_status(mmfbus_status status) {
    if (status == MMFBUS_OK) {
        answer("ok");
    } else if (status == MMFBUS_BUSY) {
        answer("error refused %08" PRIx32, mmf_lock_word(mapping));
    } else {
        answer("error %s", mmfbus_text(status));
    }
}

static void create_or_open(const char *command, const char *os_name, size_t size) {
    mmf_close(mapping);
    mmfbus_status status = command[0] == 'c' ? mmf_create(&mapping, os_name, MMFBUS_CUSTOM, size - LOCK_WORD)
                                             : mmf_open(&mapping, os_name, MMFBUS_CUSTOM);
    if (status == MMFBUS_OK) {
        answer("ok %zu", mmf_size(mapping) + LOCK_WORD);
    } else {
        answer_status(status);
    }
}

static void write_hex(const char *hex) {
    static unsigned char bytes[LINE_LENGTH / 2];
    size_t length = strlen(hex) / 2;
    for (size_t index = 0; index < length; index++) {
        char digits[3] = {hex[2 * index], hex[2 * index + 1], 0};
        bytes[index] = (unsigned char)strtoul(digits, NULL, 16);
    }
    answer_status(mmf_write(mapping, 0, bytes, length, 1));
}

static void read_hex(size_t count) {
    static unsigned char bytes[LINE_LENGTH / 2];
    mmfbus_status status = count > sizeof bytes ? MMFBUS_TOO_LARGE : mmf_read(mapping, 0, bytes, count, 1);
    if (status != MMFBUS_OK) {
        answer_status(status);
        return;
    }
    fputs("ok ", stdout);
    for (size_t index = 0; index < count; index++) printf("%02x", bytes[index]);
    answer("");
}

static void count_under_lock(size_t times, uint32_t racers) {
    /* Volatile: a compiler must not carry the counter in a register from one turn to the next. */
    volatile uint32_t *counter = (volatile uint32_t *)mmf_data(mapping);
    uint32_t *arrived = (uint32_t *)mmf_data(mapping) + 1;
    uint64_t refusals = 0;
    mmfbus__add32(arrived, 1);
    while (mmfbus__load32(arrived) < racers) mmfbus__yield();
    for (size_t turn = 0; turn < times; turn++) {
        while (!mmf_lock_spin(mapping, MMF_WRITE, 100)) refusals++;
        *counter = *counter + 1;
        mmf_lock_release(mapping, MMF_WRITE);
    }
    answer("ok %" PRIu64, refusals);
}

/* False when it is to end. */
static bool obey(char *line) {
    const char *words[4] = {"", "", "", ""};
    int count = 0;
    for (char *word = strtok(line, " \r\n"); word != NULL && count < 4; word = strtok(NULL, " \r\n")) words[count++] = word;
    const char *command = words[0];
    mmf_lock_kind kind = strcmp(words[1], "write") == 0 ? MMF_WRITE : MMF_READ;
    if (strcmp(command, "exit") == 0) return false;
    if (strcmp(command, "create") == 0 || strcmp(command, "open") == 0) {
        create_or_open(command, words[2], (size_t)strtoull(words[3], NULL, 10));
    } else if (mapping == NULL) {
        answer("error nothing is open");
    } else if (strcmp(command, "close") == 0) {
        mmf_close(mapping);
        mapping = NULL;
        answer("ok");
    } else if (strcmp(command, "word") == 0) {
        answer("ok %08" PRIx32, mmf_lock_word(mapping));
    } else if (strcmp(command, "lock") == 0) {
        answer_status(mmf_lock_try(mapping, kind) ? MMFBUS_OK : MMFBUS_BUSY);
    } else if (strcmp(command, "unlock") == 0) {
        answer_status(mmf_lock_release(mapping, kind) ? MMFBUS_OK : MMFBUS_BUSY);
    } else if (strcmp(command, "write") == 0) {
        write_hex(words[1]);
    } else if (strcmp(command, "read") == 0) {
        read_hex((size_t)strtoull(words[1], NULL, 10));
    } else if (strcmp(command, "count") == 0) {
        count_under_lock((size_t)strtoull(words[1], NULL, 10), (uint32_t)strtoul(words[2], NULL, 10));
    } else {
        answer("error no such command");
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
    mmf_close(mapping);
    return 0;
}
