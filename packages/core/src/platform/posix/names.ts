import { opendirSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MmfError } from '../../errors.js';
import { type ValidNamespace, ValidNamespaces } from '../../namespaces.js';
import { errnoName, fromFsError } from '../../os-error.js';
import { timers } from '../../timers.js';
import type { ProcessIdentity } from '../platform.js';
import { isProvedGone, ownIdentity } from './process.js';

/** Environment variable that names another directory for segments and ports. All who talk must share it. */
export const DIRECTORY_VARIABLE = 'MMFBUS_DIRECTORY';
/** NAME_MAX of the file systems that matter, bytes. */
const MAX_FILE_NAME = 255;
/** Names that one call to the operating system reads. */
const NAMES_A_READ = 64;

/**
 * Where segments and ports live. Linux: `/dev/shm`, where `shm_open` looks too. Elsewhere: the user's temporary folder,
 * because macOS can neither list nor lock its shared memory objects.
 */
export function directory(): string {
  const named = process.env[DIRECTORY_VARIABLE];
  const path = named ?? (process.platform === 'linux' ? '/dev/shm' : tmpdir());
  const problem = problemOf(path);
  if (problem === undefined) return path;
  const what = path === '' ? DIRECTORY_VARIABLE : `the directory ${path}${directoryNote()}`;
  throw new MmfError('INVALID_ARGUMENT', `${what} ${problem}`);
}

/** Says where the directory's path comes from, after the path or a file in it. */
export function directoryNote(): string {
  return process.env[DIRECTORY_VARIABLE] === undefined
    ? ` (${DIRECTORY_VARIABLE} can name another directory)`
    : ` (${DIRECTORY_VARIABLE} names the directory)`;
}

function problemOf(path: string): string | undefined {
  if (path === '') return 'is empty; it must name a directory';
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return 'does not exist';
    return stat.isDirectory() ? undefined : 'is not a directory';
  } catch (error) {
    return `cannot be looked at: ${(error as Error).message}`;
  }
}

/** The names of the directory's files, read little by little: there may be any number of them. */
export function* fileNames(): Generator<string, void> {
  const entries = opendirSync(directory(), { bufferSize: NAMES_A_READ });
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) yield entry.name;
  } finally {
    entries.closeSync();
  }
}

/** What stands before the names of this user's mappings. */
function localPrefix(): string {
  return `mmfbus.${process.getuid?.() ?? 0}.`;
}

const GLOBAL_PREFIX = 'mmfbus.g.';
/** Before the names of what is ours beside the segments. */
const OWN_PREFIX = 'mmfbus~';

/** Whether the file can only be this user's. */
export function isLocal(fileName: string): boolean {
  return fileName.startsWith(localPrefix());
}

/** Whether a file of that name is a segment of this user or of the whole machine. */
export function isPrefixed(fileName: string): boolean {
  return isLocal(fileName) || fileName.startsWith(GLOBAL_PREFIX);
}

/** Whether a file of that name is ours beside the segments, such as one of a port. */
export function isOwnName(fileName: string): boolean {
  return fileName.startsWith(OWN_PREFIX);
}

/** The file name of a mapping; see {@link ValidNamespaces}. */
export function fileNameOf(name: string, namespace: ValidNamespace): string {
  const prefixes = {
    [ValidNamespaces.LOCAL]: localPrefix(),
    [ValidNamespaces.GLOBAL]: GLOBAL_PREFIX,
    [ValidNamespaces.CUSTOM]: '',
  };
  const fileName = prefixes[namespace] + name;
  if (name.includes('/') || fileName === '.' || fileName === '..') {
    throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} is not a file name`);
  }
  const length = Buffer.byteLength(fileName);
  if (length > MAX_FILE_NAME) {
    throw new MmfError(
      'INVALID_NAME',
      `the name takes ${length} bytes with its prefix ${JSON.stringify(prefixes[namespace])}; the limit is ${MAX_FILE_NAME}`,
    );
  }
  return fileName;
}

/** A file of a port: `bell` or `life`. No mapping's name begins with `mmfbus~`. */
export function portPath(nonce: bigint, part: 'bell' | 'life'): string {
  return join(directory(), `mmfbus~${nonce.toString(16).padStart(16, '0')}.${part}`);
}

/** The port that a file belongs to; undefined when it is not one of a port. */
export function nonceOf(fileName: string): bigint | undefined {
  const match = /^mmfbus~([0-9a-f]{16})\.(?:bell|life)$/.exec(fileName);
  return match === null ? undefined : BigInt(`0x${match[1]}`);
}

let temporaries = 0;

/**
 * A path for a file that is not ready to be seen. It names its maker, so that others can tell a leftover from one that
 * is in work.
 */
export function temporaryPath(): string {
  const { pid, startTime, pidNamespace } = ownIdentity;
  const unique = `${timers.hrtime().toString(36)}-${++temporaries}`;
  return join(directory(), `mmfbus~new.${pidNamespace}.${pid}.${startTime}.${unique}`);
}

/** Who is making the temporary file of that name; undefined when it is not one. */
function makerOf(fileName: string): ProcessIdentity | undefined {
  const match = /^mmfbus~new\.(\d+)\.(\d+)\.(\d+)\./.exec(fileName);
  if (match === null) return undefined;
  const [, pidNamespace = '0', pid = '0', startTime = '0'] = match;
  return { pid: Number(pid), startTime: BigInt(startTime), pidNamespace: BigInt(pidNamespace) };
}

/** Whether it is a temporary file whose maker is proved gone. */
export function isProvedUnfinished(fileName: string): boolean {
  const maker = makerOf(fileName);
  return maker !== undefined && isProvedGone(maker);
}

/** Removes temporary files whose makers are proved gone. */
export function sweepTemporaries(fileNames: readonly string[]): void {
  for (const fileName of fileNames) {
    if (isProvedUnfinished(fileName)) unlinkIfThere(join(directory(), fileName));
  }
}

const REFUSALS = ['EACCES', 'EPERM', 'EROFS'];

/** Unlinks, where the file is still there. False where this user may not. */
export function unlinkIfThere(path: string): boolean {
  try {
    unlinkSync(path);
  } catch (error) {
    const code = errnoName(error) ?? '';
    if (REFUSALS.includes(code)) return false;
    if (code !== 'ENOENT') throw fromFsError(error, `cannot remove ${path}`);
  }
  return true;
}

/** Whether the path still leads to that file. */
export function leadsTo(path: string, file: { readonly ino: bigint; readonly dev: bigint }): boolean {
  try {
    const now = statSync(path, { bigint: true, throwIfNoEntry: false });
    return now !== undefined && now.ino === file.ino && now.dev === file.dev;
  } catch (error) {
    throw fromFsError(error, `cannot look at ${path}`);
  }
}

/** As {@link leadsTo}, where it surely does not. */
export function leadsElsewhere(path: string, file: { readonly ino: bigint; readonly dev: bigint }): boolean {
  try {
    return !leadsTo(path, file);
  } catch {
    return false;
  }
}
