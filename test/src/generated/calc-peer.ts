// A server and a client in C, of a service whose header is generated now.
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contract, generateService } from '@mmfbus/generate';
import { compile } from '../compat/native.js';
import { workspaceRoot } from '../support/workspace.js';
import { calc } from './calc-service.js';

/** A service of any name. */
type Named<C> = (name: string) => { readonly contract: C };

const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const source = join(workspaceRoot, 'test', 'native', 'calc_peer.c');

/**
 * Compiles `test/native/calc_peer.c`, once for each header that is generated.
 *
 * @param service what the header is generated from.
 * @returns the path of the program.
 */
export function calcPeer(
  compileIt: typeof compile = compile,
  flags: readonly string[] = [],
  service: Named<Contract> = calc,
): string {
  const code = generateService(service('calc').contract, { language: 'c', name: 'calc' });
  // Programs are kept by their flags: the folder says which header it is.
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 16);
  const folder = join(workspaceRoot, 'test', '.cache', 'native', `calc-${hash}`);
  mkdirSync(folder, { recursive: true });
  // Another test file may be reading it already.
  const unfinished = join(folder, `calc.h.${process.pid}`);
  writeFileSync(unfinished, code);
  renameSync(unfinished, join(folder, 'calc.h'));
  return compileIt('calc-peer', [source], [...flags, include, `-I${folder}`, '-pthread']);
}
