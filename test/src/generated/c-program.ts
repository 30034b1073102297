import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, compileCpp } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { workspaceRoot } from '../support/workspace.js';
import { codeOf, type Sample } from './samples.js';

const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;

/** A program that reads and writes what each of the samples has, in memory that is as large as it must be. */
function source(samples: readonly Sample[]): string {
  const headers = samples.map((sample) => codeOf(sample, 'c'));
  const functions = samples.map(({ name }, index) => {
    const [, type = ''] = /_decode\((\w+) \*value/.exec(headers[index]!) ?? [];
    return `
static mmfbus_status echo_${name}(const void *data, size_t length, mmfbus_mp_writer *writer, mmfbus_problem *problem) {
    ${type} value;
    mmfbus_arena arena = mmfbus_arena_of(memory, sizeof memory);
    mmfbus_status status = ${name}_decode(&value, data, length, &arena, problem);
    if (status != MMFBUS_OK) return status;
    status = ${name}_encode(writer, &value, problem);
    if (status != MMFBUS_OK) printf("no encoding: ");
    return status;
}`;
  });
  return `
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
${headers.join('\n')}
static char memory[1 << 24];
static uint8_t written[1 << 23];
static char line[1 << 24];
${functions.join('\n')}

typedef mmfbus_status (*echo)(const void *, size_t, mmfbus_mp_writer *, mmfbus_problem *);
static const echo echoes[] = {${samples.map(({ name }) => `echo_${name}`).join(', ')}};

static unsigned digit(char character) {
    return (unsigned)(character <= '9' ? character - '0' : character - 'a' + 10);
}

int main(void) {
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *digits;
        unsigned long index = strtoul(line, &digits, 10);
        digits++;
        size_t length = strcspn(digits, "\\n") / 2;
        /* Memory of its own, so that a byte too many is found. */
        uint8_t *data = (uint8_t *)malloc(length);
        for (size_t at = 0; at < length; at++) data[at] = (uint8_t)(digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]));
        mmfbus_mp_writer writer = mmfbus_mp_write_to(written, sizeof written);
        mmfbus_problem problem;
        mmfbus_status status = echoes[index](data, length, &writer, &problem);
        if (status == MMFBUS_OK) {
            printf("ok ");
            for (size_t at = 0; at < writer.length; at++) printf("%02x", written[at]);
        } else {
            printf("no %s: %s", mmfbus_text(status), problem.text);
        }
        printf("\\n");
        free(data);
    }
    return 0;
}
`;
}

/** Compiles that program, with everything that finds mistakes. */
export function cProgram(name: string, samples: readonly Sample[]): string {
  return compile(name, [written(name, samples)], [include, '-O0', '-pthread', ...SANITIZERS]);
}

/** The same as C++. */
export function cppProgram(name: string, samples: readonly Sample[]): string {
  return compileCpp(name, [written(name, samples)], ['-xc++', include, '-O0', '-pthread']);
}

/** Where it stays the same, so that it is compiled once for each state. */
function written(name: string, samples: readonly Sample[]): string {
  const folder = join(workspaceRoot, 'test', '.cache', 'generate');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.c`);
  writeFileSync(file, source(samples));
  return file;
}
