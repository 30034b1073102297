import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ValidNamespace, ValidNamespaces } from '@mmfbus/core';
import { afterEach } from 'vitest';
import { uniqueName } from '../support/unique-name.js';

/** How names map to names of the operating system, from the table in `docs/names.md` and not from our sources. */
export function osNameOf(name: string, namespace: ValidNamespace): string {
  if (process.platform === 'win32') {
    if (namespace === ValidNamespaces.LOCAL) return `Local\\${name}`;
    return namespace === ValidNamespaces.GLOBAL ? `Global\\${name}` : name;
  }
  if (namespace === ValidNamespaces.LOCAL) return `mmfbus.${process.getuid?.()}.${name}`;
  return namespace === ValidNamespaces.GLOBAL ? `mmfbus.g.${name}` : name;
}

/** On POSIX, the file that an operating system's name stands for. */
export function pathOf(osName: string): string {
  return join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), osName);
}

const names = new Set<string>();

/** A name for one test. Its mappings are removed afterwards: those that native programs made would stay. */
export function mappingName(label: string): string {
  const name = uniqueName(label);
  names.add(name);
  return name;
}

afterEach(() => {
  if (process.platform === 'win32') return;
  for (const name of names) {
    for (const namespace of Object.values(ValidNamespaces)) {
      rmSync(pathOf(osNameOf(name, namespace)), { force: true });
    }
  }
  names.clear();
});
