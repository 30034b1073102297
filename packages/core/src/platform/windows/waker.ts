import type { Socket } from 'node:net';
import { MmfError } from '../../errors.js';
import { randomBytes } from '../../random.js';
import { koffi } from '../koffi.js';
import { atThreadEnd } from '../thread-end.js';
import {
  type Address,
  type Handle,
  INVALID_HANDLE_VALUE,
  kernel32,
  lastError,
  NO_HANDLE,
} from './kernel32.js';

/*
 * How an event, or the end of a thread, wakes an event loop. The system's thread pool waits for the object and then has to do
 * something that libuv hears. It must not call JavaScript: a koffi callback holds the pool's thread until the loop gets
 * to it, more than 256 at once crash the process (rings that came while JavaScript was busy did so), and one that comes
 * after its Worker was terminated finds that environment freed.
 *
 * So the pool calls a C function on its own: `fflush`, on a stream that writes into a pipe whose other end is a socket
 * of the event loop. One byte lies ready in the stream's buffer; when the object is signalled, it goes out, and the
 * loop lays the next one ready before it looks what has happened. Signals in between find an empty buffer, and are
 * seen by that look. The pool's callbacks have a second parameter, which a function of one does not notice in the
 * calling conventions of x64 and arm64.
 */

const PIPE_ACCESS_OUTBOUND = 2;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x80000;
const PIPE_REJECT_REMOTE_CLIENTS = 8;
const PIPE_SIZE = 64;
const IOFBF = 0;
const INFINITE = 0xffffffff;
// Not WT_EXECUTEINWAITTHREAD: Wine 8 crashes when such a wait is ended at the moment that its object is signalled.
const WT_EXECUTEDEFAULT = 0;
const WT_EXECUTEONLYONCE = 8;

interface Crt {
  readonly addresses: Record<'fflush' | 'fclose', Address>;
  _open_osfhandle(handle: Handle, flags: number): number;
  _fdopen(fd: number, mode: string): Address | null;
  _close(fd: number): number;
  setvbuf(stream: Address, buffer: null, mode: number, size: number): number;
  fputc(character: number, stream: Address): number;
  fclose(stream: Address): number;
}

let loaded: Crt | undefined;

function crt(): Crt {
  if (loaded !== undefined) return loaded;
  if (process.arch === 'ia32') {
    throw new MmfError('UNSUPPORTED', 'waking another process needs a 64-bit Node on Windows');
  }
  // The system's own C library, apart from the one that is linked into Node.
  const library = koffi().load('ucrtbase.dll');
  loaded = {
    addresses: { fflush: library.symbol('fflush'), fclose: library.symbol('fclose') },
    _open_osfhandle: library.func('int _open_osfhandle(intptr_t handle, int flags)'),
    _fdopen: library.func('void *_fdopen(int fd, const char *mode)'),
    _close: library.func('int _close(int fd)'),
    setvbuf: library.func('int setvbuf(void *stream, void *buffer, int mode, size_t size)'),
    fputc: library.func('int fputc(int character, void *stream)'),
    fclose: library.func('int fclose(void *stream)'),
  };
  return loaded;
}

/** The writing end of a new pipe. */
function createStream(pipeName: string): Address {
  const pipe = kernel32().CreateNamedPipeW(
    pipeName,
    PIPE_ACCESS_OUTBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE,
    PIPE_REJECT_REMOTE_CLIENTS,
    1,
    PIPE_SIZE,
    PIPE_SIZE,
    0,
    null,
  );
  if (pipe === INVALID_HANDLE_VALUE) throw lastError('CreateNamedPipeW', `cannot create ${pipeName}`);
  const { _open_osfhandle, _fdopen, _close, setvbuf } = crt();
  const fd = _open_osfhandle(pipe, 0);
  if (fd === -1) {
    kernel32().CloseHandle(pipe);
    throw new MmfError('OS_ERROR', 'the C library has no descriptor left for a port');
  }
  const stream = _fdopen(fd, 'wb');
  if (stream === null) {
    _close(fd);
    throw new MmfError('OS_ERROR', 'the C library has no stream left for a port');
  }
  setvbuf(stream, null, IOFBF, PIPE_SIZE);
  return stream;
}

/** Wakes this thread's event loop when objects are signalled, at the cost of neither a thread nor polling. */
export class Waker {
  readonly #stream: Address;
  readonly #socket: Socket;
  readonly #waits = new Map<Handle, () => void>();
  readonly #forgetStream: () => void;

  /** @param onWake is called after something was signalled, once for any number of signals in between. */
  constructor(onWake: () => void) {
    const { addresses, fputc } = crt();
    const path = `\\\\.\\pipe\\mmfbus~${randomBytes(8).toString('hex')}.wake`;
    const stream = createStream(path);
    this.#stream = stream;
    this.#forgetStream = atThreadEnd(addresses.fclose, stream);
    // An error of this socket is left to be thrown: a port that hears nothing must not look like one that does.
    this.#socket = process.getBuiltinModule('node:net').connect({
      path,
      onread: {
        buffer: new Uint8Array(PIPE_SIZE),
        callback: () => {
          fputc(0, stream);
          onWake();
          return true;
        },
      },
    });
    this.#socket.unref();
    fputc(0, stream);
  }

  /** Waits for the object each time that it is signalled; or once, as for a thread, which stays signalled. */
  wait(object: Handle, often: 'always' | 'once'): Handle {
    const wait: [Handle] = [NO_HANDLE];
    const flags = often === 'once' ? WT_EXECUTEONLYONCE : WT_EXECUTEDEFAULT;
    const { fflush } = crt().addresses;
    if (kernel32().RegisterWaitForSingleObject(wait, object, fflush, this.#stream, INFINITE, flags) === 0) {
      throw lastError('RegisterWaitForSingleObject', 'cannot wait for an object');
    }
    // It does not wait for a callback under way, which finds the stream closed then, or another one's: a needless flush.
    this.#waits.set(wait[0], atThreadEnd(kernel32().addresses.UnregisterWait, wait[0]));
    return wait[0];
  }

  /** Ends a wait; after that its object may be closed. */
  endWait(wait: Handle): void {
    this.#waits.get(wait)?.();
    if (!this.#waits.delete(wait)) return;
    // INVALID_HANDLE_VALUE: returns after a callback under way has returned, which needs nothing of this thread.
    kernel32().UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  close(): void {
    for (const wait of this.#waits.keys()) this.endWait(wait);
    this.#socket.destroy();
    this.#forgetStream();
    crt().fclose(this.#stream);
  }
}
