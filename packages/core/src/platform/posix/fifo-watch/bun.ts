import { closeSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { MmfError } from '../../../errors.js';
import { describeRuntime } from '../../../runtime.js';
import type { FifoListener, FifoWatch } from './fifo-watch.js';

/*
 * A `Socket` of Bun never reads a FIFO; the stream of a file does. Only `Readable.fromWeb` gives that one `ref` and `unref`, which
 * count: the count of a new one is 0, although it keeps the event loop alive.
 */

/** Bytes that are read at a time. */
const READ_SIZE = 4096;

/** What we use of the global `Bun`. */
interface BunGlobal {
  file(fd: number): { stream(): ReadableStream };
}

type CountedReadable = Readable & { ref(): void; unref(): void };

function isCounted(stream: Readable): stream is CountedReadable {
  const { ref, unref } = stream as Partial<CountedReadable>;
  return typeof ref === 'function' && typeof unref === 'function';
}

/** @throws {@link MmfError} `UNSUPPORTED` where the process could not end while it waits. */
function openStream(fd: number): CountedReadable {
  const { Bun } = globalThis as unknown as { Bun: BunGlobal };
  const stream = Readable.fromWeb(Bun.file(fd).stream(), { highWaterMark: READ_SIZE });
  if (isCounted(stream)) return stream;
  stream.destroy();
  throw new MmfError(
    'UNSUPPORTED',
    `waiting for other processes needs Bun 1.4 or newer; this is ${describeRuntime()}`,
  );
}

/** See {@link watchFifo}. */
export function watchFifoOnBun(fd: number, { onData, onEnd }: FifoListener): FifoWatch {
  let stream: CountedReadable;
  try {
    stream = openStream(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let isOpen = true;
  let isRef = false;
  // Bun leaves the descriptor open.
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    stream.destroy();
    closeSync(fd);
  };
  stream.on('data', () => onData?.());
  stream.once('close', () => {
    close();
    onEnd?.();
  });
  stream.ref();
  stream.unref();
  return {
    ref: () => {
      if (!isRef) stream.ref();
      isRef = true;
    },
    unref: () => {
      if (isRef) stream.unref();
      isRef = false;
    },
    close,
  };
}
