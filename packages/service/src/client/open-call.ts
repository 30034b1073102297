import type { MethodContract } from '../contract/service-contract.js';
import { OutgoingCall } from '../wire/envelope.js';
import type { ReceivedStream } from './answer-stream.js';
import type { InputSender } from './input-sender.js';
import type { ServerLink } from './server-link.js';

/**
 * - `idle`: no call.
 * - `line`: it waits for a server, for room or for a cell.
 * - `sent`: a server has it, or is getting it.
 * - `abandoned`: the program has its outcome already; its cell waits for the last answer.
 */
export type CallState = 'idle' | 'line' | 'sent' | 'abandoned';

/** One call of a client, from when it is made until its last answer was read. Used again for later calls. */
export class OpenCall {
  readonly outgoing: OutgoingCall = new OutgoingCall();
  state: CallState = 'idle';
  method!: MethodContract;
  /** Of the present attempt. */
  id = 0;
  cell = -1;
  link: ServerLink | undefined;
  /** The only server that it may go to. */
  only: ServerLink | undefined;
  /** Whether each attempt may have run when its server has died. */
  isIdempotent = false;
  /** When it is given up, and until when it waits for a server: nanoseconds of the monotonic clock. */
  deadline: number = Number.POSITIVE_INFINITY;
  serverBy = 0;
  /** When it was sent, where slow servers are to lose it. */
  sentAt = 0;
  /** When it was made, for diagnostics; 0 without. */
  began = 0;
  /** How many servers have died of it. */
  deaths = 0;
  /** Whether an attempt before the present one may have run. */
  mayHaveStarted = false;
  /** Servers that do not take it, and why the last of them does not. */
  avoided: Set<ServerLink> | undefined;
  avoidance: 'BUSY' | 'UNREACHABLE' | 'NO_METHOD' = 'BUSY';
  resolve: (value: unknown) => void = nothing;
  reject: (error: unknown) => void = nothing;
  stream: ReceivedStream<unknown> | undefined;
  input: InputSender | undefined;
  /** Bytes of the stream of answers that the program has taken since the server was told. */
  taken = 0;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
  /** Ends the sending of a call that is sent in parts. */
  sending: AbortController | undefined;

  /** Whether it will never run: an abandoned call of which no answer comes. */
  isWithdrawn = false;

  /** Whether a call that is sent in parts is still being sent. */
  get isSending(): boolean {
    return this.sending !== undefined;
  }

  /** What it waits for when its time is over. */
  describeTimeout(): string {
    if (this.state === 'line') return 'its time is over; no server had room for it';
    const { name = '', pid = 0 } = this.link?.server ?? {};
    return `its time is over; the server ${name === '' ? '' : `${name} `}(pid ${pid}) has not answered`;
  }

  /** The program has its outcome: nothing of it is kept. */
  forget(): void {
    this.signal?.removeEventListener('abort', this.onAbort as () => void);
    this.signal = this.onAbort = undefined;
    this.resolve = this.reject = nothing;
    this.stream = undefined;
    this.input?.stop();
    this.input = undefined;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** Ready for another call. */
  clear(): void {
    this.state = 'idle';
    this.id = 0;
    this.link = this.only = undefined;
    this.deaths = this.taken = this.began = 0;
    this.mayHaveStarted = false;
    this.avoided = undefined;
    this.sending = undefined;
    this.isWithdrawn = false;
    this.outgoing.recycle();
  }
}

function nothing(): void {}
