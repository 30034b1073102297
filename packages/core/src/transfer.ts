import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { MmfError } from './errors.js';
import type { LockWait } from './lock.js';
import { copyIn, copyInto, type SharedBytes } from './shared-memory.js';

/** Bytes that are moved at a time. */
const CHUNK_LENGTH = 1 << 20;

/** Options of copying between a mapping and a file. `signal` and `timeout` are those of the wait for the lock. */
export interface TransferOptions extends LockWait {
  /** Told after each mebibyte how many bytes are done, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

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

/** A file whose contents go into a mapping. */
interface Source {
  /** Bytes it has. */
  readonly size: number;
  /** Fills the target, which has the source's size. */
  readInto(target: SharedBytes, options: TransferOptions): Promise<void>;
  close(): Promise<void>;
}

async function readFully(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesRead } = await file.read(chunk, done, chunk.length - done, position + done);
    if (bytesRead === 0) throw new Error(`the file ended at ${position + done} bytes while it was read`);
    done += bytesRead;
  }
}

/** Opens a file for reading it into a mapping. */
export async function openSource(path: string): Promise<Source> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return {
      size,
      readInto: (target, options) =>
        inChunks(size, options, async (chunk, done) => {
          await readFully(file, chunk, done);
          checkAttached(target);
          copyIn(chunk, target, done);
        }),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes the bytes to a file, which appears when it is complete. */
export async function writeFileFrom(
  path: string,
  source: SharedBytes,
  options: TransferOptions,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx');
  try {
    await inChunks(source.length, options, async (chunk, done) => {
      checkAttached(source);
      copyInto(source, done, done + chunk.length, chunk, 0);
      await file.writeFile(chunk);
    });
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
}
