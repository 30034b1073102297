import { constants, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { isFunction, type Rules, WAIT_RULES } from './arguments.js';
import { MmfError } from './errors.js';
import { atExit } from './exit-hooks.js';
import type { LockWait } from './lock.js';
import { fromFsError } from './os-error.js';
import { randomBytes } from './random.js';
import { copyIn, copyInto, type SharedBytes } from './shared-memory.js';

/** Loaded only where a program copies to or from files. */
const files = (): typeof import('node:fs/promises') => process.getBuiltinModule('node:fs/promises');

/** Bytes that are moved at a time. */
const CHUNK_LENGTH = 1 << 20;

/** Options of copying between a mapping and a file. */
export interface TransferOptions extends LockWait {
  /** Gives up the waiting for the lock and the copying with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the lock until it gives up with `TIMEOUT`. Defaults to waiting for ever. */
  readonly timeout?: number | undefined;
  /** Told after each mebibyte how many bytes are done, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export const TRANSFER_RULES: Rules = { ...WAIT_RULES, onProgress: isFunction };

/*
 * Each chunk passes through memory of its own. Node reads and writes files in other threads, and shared memory may be
 * unmapped while they work.
 */
async function inChunks(
  total: number,
  { signal, onProgress }: TransferOptions,
  move: (chunk: Uint8Array, done: number) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(CHUNK_LENGTH, total));
  for (let done = 0; done < total; ) {
    signal?.throwIfAborted();
    const chunk = buffer.subarray(0, Math.min(buffer.length, total - done));
    await move(chunk, done);
    done += chunk.length;
    onProgress?.(done, total);
  }
}

/** A mapping that is closed meanwhile leaves its views without bytes. */
function checkAttached({ length }: SharedBytes): void {
  if (length === 0) throw new MmfError('CLOSED', 'the mapping was closed while it was copied');
}

/** Runs calls of `fs`, whose failures become errors of ours. */
async function onFile<R>(message: string, calls: () => Promise<R>): Promise<R> {
  try {
    return await calls();
  } catch (error) {
    throw fromFsError(error, message);
  }
}

/** A file whose contents go into a mapping. */
interface Source {
  /** Bytes it has. */
  readonly size: number;
  /** Fills the target, which has the source's size. */
  readInto(target: SharedBytes, options: TransferOptions): Promise<void>;
  close(): Promise<void>;
}

async function readFully(file: FileHandle, chunk: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesRead } = await file.read(chunk, done, chunk.length - done, position + done);
    if (bytesRead === 0) {
      throw new MmfError('SIZE_MISMATCH', `${path} ended at ${position + done} bytes while it was read`);
    }
    done += bytesRead;
  }
}

/** Opens a file for reading it into a mapping. */
export async function openSource(path: string): Promise<Source> {
  const message = `cannot read ${path}`;
  return onFile(message, async () => {
    // Non-blocking, so that a FIFO of that name cannot hold us up.
    const file = await files().open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new MmfError('ACCESS_DENIED', `${path} is not a regular file`);
      return {
        size: stat.size,
        readInto: (target, options) =>
          inChunks(stat.size, options, async (chunk, done) => {
            await onFile(message, () => readFully(file, chunk, done, path));
            checkAttached(target);
            copyIn(chunk, target, done);
          }),
        close: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/** Writes the bytes, `size` in number, to a file, which appears when it is complete. */
export async function writeFileFrom(
  path: string,
  source: SharedBytes,
  size: number,
  options: TransferOptions,
): Promise<void> {
  const message = `cannot write ${path}`;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await onFile(message, () => files().open(temporary, 'wx'));
  const forgetExit = atExit(() => rmSync(temporary, { force: true }));
  try {
    await inChunks(size, options, async (chunk, done) => {
      checkAttached(source);
      copyInto(source, done, done + chunk.length, chunk, 0);
      await onFile(message, () => file.writeFile(chunk));
    });
    await onFile(message, () => file.sync());
    await file.close();
    await onFile(message, () => files().rename(temporary, path));
  } catch (error) {
    await file.close();
    await files().rm(temporary, { force: true });
    throw error;
  } finally {
    forgetExit();
  }
}
