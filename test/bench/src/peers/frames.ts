import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Place } from '../job.js';

const LENGTH_BYTES = 4;
/** Bytes that are gathered at most. A frame that is larger is written as it is, behind its length, instead of being copied. */
const CHUNK_LENGTH = 64 * 1024;

/** Where a server listens: a Unix socket, on Windows a pipe. */
export function addressOf({ folder, name }: Place): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(folder, `${name}.sock`);
}

/** Writes frames of a length and a payload. */
export interface FrameWriter {
  /** False when the socket has enough. */
  write(payload: Buffer): boolean;
  /** Writes what it has not written yet. */
  flush(): void;
  /** Resolves when the socket takes more. */
  drained(): Promise<void>;
}

function writeLarge(socket: Socket, payload: Buffer): boolean {
  const head = Buffer.allocUnsafe(LENGTH_BYTES);
  head.writeUInt32LE(payload.length);
  socket.write(head);
  return socket.write(payload);
}

/** Each frame with a write of its own. */
export class SingleWriter implements FrameWriter {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(payload: Buffer): boolean {
    if (payload.length > CHUNK_LENGTH) return writeLarge(this.#socket, payload);
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
    frame.writeUInt32LE(payload.length);
    payload.copy(frame, LENGTH_BYTES);
    return this.#socket.write(frame);
  }

  flush(): void {}

  async drained(): Promise<void> {
    if (this.#socket.writableNeedDrain) await once(this.#socket, 'drain');
  }
}

/** A chunk of frames at a time. */
export class ChunkWriter implements FrameWriter {
  readonly #socket: Socket;
  #chunk = Buffer.allocUnsafe(CHUNK_LENGTH);
  #used = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(payload: Buffer): boolean {
    const length = LENGTH_BYTES + payload.length;
    if (this.#used + length > this.#chunk.length) this.flush();
    if (length > this.#chunk.length) return writeLarge(this.#socket, payload);
    this.#chunk.writeUInt32LE(payload.length, this.#used);
    payload.copy(this.#chunk, this.#used + LENGTH_BYTES);
    this.#used += length;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return !this.#socket.writableNeedDrain;
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#socket.write(this.#chunk.subarray(0, this.#used));
    this.#chunk = Buffer.allocUnsafe(CHUNK_LENGTH);
    this.#used = 0;
  }

  async drained(): Promise<void> {
    this.flush();
    if (this.#socket.writableNeedDrain) await once(this.#socket, 'drain');
  }
}

/** Calls back with the payload of each frame that comes. */
export function readFrames(socket: Socket, onFrame: (payload: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let length = 0;
  let wanted = LENGTH_BYTES;
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < wanted) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    let offset = 0;
    for (;;) {
      wanted = LENGTH_BYTES;
      if (bytes.length - offset >= LENGTH_BYTES) wanted += bytes.readUInt32LE(offset);
      if (bytes.length - offset < wanted || wanted === LENGTH_BYTES) break;
      onFrame(bytes.subarray(offset + LENGTH_BYTES, offset + wanted));
      offset += wanted;
    }
    chunks = [bytes.subarray(offset)];
    length = bytes.length - offset;
  });
}
