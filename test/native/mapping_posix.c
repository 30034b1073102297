#define _GNU_SOURCE
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK_LENGTH 64
#define MOST_TRIES 1000

static const unsigned char mark_magic[8] = {'m', 'm', 'f', 'b', 'u', 's', 0, 1};

struct mapping {
    int file;
    bool by_rule;
    char path[PATH_MAX];
    unsigned char *memory;
    size_t size;
};

static struct mapping_failure failure;

static void fail(const char *call) {
    failure.call = call;
    failure.code = errno;
}

static int close_failed(int file, const char *call) {
    fail(call);
    if (file >= 0) close(file);
    return -1;
}

static const char *directory(void) {
    const char *named = getenv("MMFBUS_DIRECTORY");
    if (named != NULL) return named;
#ifdef __linux__
    return "/dev/shm";
#else
    const char *temporary = getenv("TMPDIR");
    return temporary != NULL ? temporary : "/tmp";
#endif
}

static void path_of(const char *os_name, char path[PATH_MAX]) {
    snprintf(path, PATH_MAX, "%s/%s", directory(), os_name);
}

/* What a program does that never heard of us. macOS keeps such memory apart from files, so there it opens the file. */
static int open_plain(const char *os_name, int flags) {
    char path[PATH_MAX];
#ifdef __linux__
    snprintf(path, sizeof path, "/%s", os_name);
    return shm_open(path, flags, 0600);
#else
    path_of(os_name, path);
    return open(path, flags, 0600);
#endif
}

static bool leads_to(const char *path, int file) {
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

/* The window's size from the mark; 0 when the file has none. */
static size_t read_mark(int file) {
    unsigned char mark[MARK_LENGTH];
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size < MARK_LENGTH) return 0;
    if (pread(file, mark, sizeof mark, status.st_size - MARK_LENGTH) != MARK_LENGTH) return 0;
    if (memcmp(mark, mark_magic, sizeof mark_magic) != 0) return 0;
    uint64_t size = 0;
    for (int byte = 7; byte >= 0; byte--) size = size << 8 | mark[8 + byte];
    return size <= (uint64_t)status.st_size - MARK_LENGTH ? (size_t)size : 0;
}

static bool write_mark(int file, size_t size, off_t file_size) {
    unsigned char mark[MARK_LENGTH] = {0};
    memcpy(mark, mark_magic, sizeof mark_magic);
    for (int byte = 0; byte < 8; byte++) mark[8 + byte] = (unsigned char)((uint64_t)size >> (8 * byte));
    return pwrite(file, mark, sizeof mark, file_size - MARK_LENGTH) == MARK_LENGTH;
}

/* Removes the name when no process has the file open. We must hold no lock that we need: this may convert it. */
static bool remove_if_unused(int file, const char *path) {
    if (flock(file, LOCK_EX | LOCK_NB) != 0) return false;
    if (leads_to(path, file)) unlink(path);
    return true;
}

static void pause_a_millisecond(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Opens a file with a mark and takes its shared lock; -1 when it failed, with ENOENT also for a leftover. */
static int open_by_rule(const char *path, size_t *size) {
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (file < 0) return close_failed(file, "open");
        *size = read_mark(file);
        /* It belongs to a program without the rule: no other process need be told that we are here. */
        if (*size == 0) {
            errno = EINVAL;
            return close_failed(file, "mark");
        }
        if (!remove_if_unused(file, path) && flock(file, LOCK_SH | LOCK_NB) == 0 && leads_to(path, file)) return file;
        /* Removed now, or just being removed or looked at by another process. */
        close(file);
        pause_a_millisecond();
    }
    errno = EBUSY;
    return close_failed(-1, "flock");
}

/* Says who is making it, so that others can tell a leftover from one that is in work. */
static void temporary_path(char path[PATH_MAX]) {
    uint64_t namespace = 1, start = 0;
#ifdef __linux__
    char text[1024] = {0};
    if (readlink("/proc/self/ns/pid", text, sizeof text - 1) < 0 || sscanf(text, "pid:[%" SCNu64, &namespace) != 1) {
        namespace = 0;
    }
    FILE *status = fopen("/proc/self/stat", "r");
    if (status != NULL) {
        text[fread(text, 1, sizeof text - 1, status)] = 0;
        fclose(status);
        /* Field 22; the program's name, field 2, may hold anything, so count from its end. */
        char *field = strrchr(text, ')');
        for (int number = 2; field != NULL && number < 22; number++) field = strchr(field + 1, ' ');
        if (field != NULL) start = strtoull(field, NULL, 10);
    }
#endif
    snprintf(path, PATH_MAX, "%s/mmfbus~new.%" PRIu64 ".%ld.%" PRIu64 ".c", directory(), namespace, (long)getpid(),
             start);
}

static int claim_blocks(int file, off_t length) {
#ifdef __linux__
    /* ftruncate alone succeeds beyond what is free, and the first store would end the process. */
    int error = posix_fallocate(file, 0, length);
    if (error != 0) errno = error;
    return error;
#else
    return ftruncate(file, length);
#endif
}

static struct mapping *map(int file, bool by_rule, const char *os_name, size_t size) {
    struct mapping *mapping = malloc(sizeof *mapping);
    if (mapping == NULL) {
        close_failed(file, "malloc");
        return NULL;
    }
    mapping->file = file;
    mapping->by_rule = by_rule;
    path_of(os_name, mapping->path);
    mapping->size = size;
    mapping->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapping->memory == MAP_FAILED) {
        close_failed(file, "mmap");
        free(mapping);
        return NULL;
    }
    return mapping;
}

static struct mapping *create_plain(const char *os_name, size_t size) {
    int file = open_plain(os_name, O_RDWR | O_CREAT | O_EXCL);
    if (file < 0) {
        fail("shm_open");
        return NULL;
    }
    if (ftruncate(file, (off_t)size) != 0) {
        close_failed(file, "ftruncate");
        return NULL;
    }
    return map(file, false, os_name, size);
}

static struct mapping *create_by_rule(const char *os_name, size_t size, void (*initialise)(unsigned char *memory)) {
    char path[PATH_MAX], temporary[PATH_MAX];
    size_t other;
    path_of(os_name, path);
    int existing = open_by_rule(path, &other);
    if (existing >= 0 || failure.code != ENOENT) {
        errno = existing >= 0 ? EEXIST : (int)failure.code;
        close_failed(existing, "create");
        return NULL;
    }
    temporary_path(temporary);
    int file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        fail("open");
        return NULL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    off_t length = (off_t)(((size + page - 1) / page + 1) * page);
    struct mapping *mapping = NULL;
    /* The lock comes before the name, so that no process takes the new file for a leftover. */
    if (flock(file, LOCK_SH | LOCK_NB) != 0 || claim_blocks(file, length) != 0 || !write_mark(file, size, length)) {
        close_failed(file, "allocate");
    } else if ((mapping = map(file, true, os_name, size)) != NULL) {
        initialise(mapping->memory);
        if (link(temporary, path) != 0) {
            fail("link");
            mapping_close(mapping);
            mapping = NULL;
        }
    }
    unlink(temporary);
    return mapping;
}

struct mapping *mapping_create(enum mapping_rule rule, const char *os_name, size_t size,
                               void (*initialise)(unsigned char *memory)) {
    if (rule == MAPPING_BY_RULE) return create_by_rule(os_name, size, initialise);
    struct mapping *mapping = create_plain(os_name, size);
    if (mapping != NULL) initialise(mapping->memory);
    return mapping;
}

struct mapping *mapping_open(enum mapping_rule rule, const char *os_name, size_t size) {
    char path[PATH_MAX];
    size_t found;
    path_of(os_name, path);
    int file = rule == MAPPING_BY_RULE ? open_by_rule(path, &found) : open_plain(os_name, O_RDWR);
    if (file < 0) {
        if (rule == MAPPING_PLAIN) fail("shm_open");
        return NULL;
    }
    if (rule == MAPPING_PLAIN) {
        struct stat status;
        found = fstat(file, &status) == 0 ? (size_t)status.st_size : 0;
    }
    return map(file, rule == MAPPING_BY_RULE, os_name, size == 0 ? found : size);
}

void mapping_close(struct mapping *mapping) {
    munmap(mapping->memory, mapping->size);
    if (mapping->by_rule) {
        /* Dropped first: of two that close at once, both holding it, neither would get the exclusive one. */
        flock(mapping->file, LOCK_UN);
        remove_if_unused(mapping->file, mapping->path);
    }
    close(mapping->file);
    free(mapping);
}

unsigned char *mapping_memory(const struct mapping *mapping) {
    return mapping->memory;
}

size_t mapping_size(const struct mapping *mapping) {
    return mapping->size;
}

struct mapping_failure mapping_last_failure(void) {
    return failure;
}

void yield_processor(void) {
    sched_yield();
}
