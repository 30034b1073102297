import type { Worker } from 'node:worker_threads';
import type { Quote } from '../messages/quote.js';
import type { CallJob } from './call-job.js';

/** Answers a call. */
export type Answer = (quote: Quote) => number;

/** The end that serves, in a process of its own or a Worker. */
export interface CallServer {
  close(): Promise<void>;
}

/** The end that calls. */
export interface CallClient {
  /** Settles with what the server answered. */
  call(quote: Quote): Promise<number>;
  close(): Promise<void>;
}

/** A way to call a function of another process of the machine. */
export interface CallPeer {
  /** Opens the end that serves. When it resolves, the other end can be opened. */
  serve(job: CallJob, answer: Answer): Promise<CallServer>;
  /**
   * Opens the end that calls.
   *
   * @param worker is what the other end runs in, where it is a Worker.
   */
  connect(job: CallJob, worker: Worker | undefined): Promise<CallClient>;
}
