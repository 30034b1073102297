import { closeSync } from 'node:fs';
import type { OnReadOpts, Socket, SocketConstructorOpts } from 'node:net';
import { fromFsError } from '../../../os-error.js';
import { duplicate } from '../libc.js';
import { closeAtThreadEnd } from './close-at-thread-end.js';
import type { FifoListener, FifoWatch } from './fifo-watch.js';

/** Bytes that are read at a time. */
const READ_SIZE = 4096;

/**
 * A descriptor that Node does not know of. Node closes what `fs` opened in a Worker that is terminated; so does the
 * socket that has it by then, and the second close may hit a descriptor that belongs to other code already.
 */
function detachFromNode(fd: number): number {
  try {
    return duplicate(fd);
  } finally {
    closeSync(fd);
  }
}

/** A socket that owns the descriptor, and does not keep the event loop alive. */
function openSocket(fd: number, onread: OnReadOpts): Socket {
  try {
    const net = process.getBuiltinModule('node:net');
    // The types know `onread` for connecting sockets only.
    const options = { fd, readable: true, writable: false, onread } as SocketConstructorOpts;
    return new net.Socket(options).unref();
  } catch (error) {
    closeSync(fd);
    throw fromFsError(error, 'cannot wait for a FIFO');
  }
}

/** See {@link watchFifo}. */
export function watchFifoOnNode(fd: number, { onData, onEnd, showsLife }: FifoListener): FifoWatch {
  const onread: OnReadOpts = {
    buffer: new Uint8Array(READ_SIZE),
    callback: () => {
      onData?.();
      return true;
    },
  };
  const detached = detachFromNode(fd);
  const socket = openSocket(detached, onread);
  let forgetThreadEnd = () => {};
  try {
    if (showsLife === true) forgetThreadEnd = closeAtThreadEnd(detached);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  if (onEnd !== undefined) socket.once('close', onEnd);
  return {
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
    close: () => {
      forgetThreadEnd();
      socket.destroy();
    },
  };
}
