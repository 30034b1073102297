import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryMappedFile } from '@mmfbus/core';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { compile } from './native.js';
import { mappingName } from './os-names.js';

const document = readFileSync(join(workspaceRoot, 'docs', 'names.md'), 'utf8');
const folder = temporaryFolder('names-document');

it.runIf(process.platform === 'linux')('the C program of docs/names.md reads what Node wrote', () => {
  const blocks = [...document.matchAll(/^```c\n(.*?)^```$/gms)];
  expect(blocks.length).toBe(1);
  const source = join(folder, 'print.c');
  writeFileSync(source, blocks[0]?.[1] ?? '');
  const program = compile('print', [source], ['-D_GNU_SOURCE']);
  const name = mappingName('greeting');
  using mapping = MemoryMappedFile.create(name, 100);
  mapping.write(new TextEncoder().encode('hello'));
  const { status, stdout, stderr } = spawnSync(program, [name], { encoding: 'utf8', timeout: 60_000 });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'hello\n', stderr: '' });
  expect(mapping.lock.describe()).toBe('lock word 0x00000000, free');
  expect(spawnSync(program, [`${name}-not`], { timeout: 60_000 }).status).toBe(1);
});
