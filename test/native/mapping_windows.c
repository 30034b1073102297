#include "mapping.h"

#include <stdlib.h>
#include <windows.h>

struct mapping {
    HANDLE section;
    unsigned char *memory;
    size_t size;
};

static struct mapping_failure failure;

static void fail(const char *call) {
    failure.call = call;
    failure.code = (long)GetLastError();
}

static int refuses(enum mapping_rule rule) {
    if (rule == MAPPING_PLAIN) return 0;
    SetLastError(ERROR_NOT_SUPPORTED);
    fail("rule");
    return 1;
}

static struct mapping *map(HANDLE section, size_t size) {
    MEMORY_BASIC_INFORMATION region;
    struct mapping *mapping = malloc(sizeof *mapping);
    if (mapping == NULL) {
        fail("malloc");
        CloseHandle(section);
        return NULL;
    }
    mapping->section = section;
    mapping->memory = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, size);
    if (mapping->memory == NULL) {
        fail("MapViewOfFile");
        CloseHandle(section);
        free(mapping);
        return NULL;
    }
    /* Windows does not keep the size to the byte: whole pages are all there is to find. */
    VirtualQuery(mapping->memory, &region, sizeof region);
    mapping->size = size == 0 ? region.RegionSize : size;
    return mapping;
}

struct mapping *mapping_create(enum mapping_rule rule, const char *os_name, size_t size,
                               void (*initialise)(unsigned char *memory)) {
    if (refuses(rule)) return NULL;
    unsigned long long length = size;
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, (DWORD)(length >> 32),
                                        (DWORD)length, os_name);
    /* It may have opened one that exists: that is told by the error number of a success. */
    if (section == NULL || GetLastError() == ERROR_ALREADY_EXISTS) {
        fail("CreateFileMappingA");
        if (section != NULL) CloseHandle(section);
        return NULL;
    }
    struct mapping *mapping = map(section, size);
    if (mapping != NULL) initialise(mapping->memory);
    return mapping;
}

struct mapping *mapping_open(enum mapping_rule rule, const char *os_name, size_t size) {
    if (refuses(rule)) return NULL;
    HANDLE section = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, os_name);
    if (section == NULL) {
        fail("OpenFileMappingA");
        return NULL;
    }
    return map(section, size);
}

void mapping_close(struct mapping *mapping) {
    UnmapViewOfFile(mapping->memory);
    CloseHandle(mapping->section);
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
    SwitchToThread();
}
