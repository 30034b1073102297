import type { Job } from '../job.js';

/** The sending end, in a process of its own. */
export interface Producer {
  /** False when it is to wait for {@link Producer.drained} before the next one; the message is taken in any case. */
  send(message: unknown): boolean;
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** A receiving end, in a process of its own. */
export interface Consumer {
  /** Sends a message back to the producer. */
  reply(message: unknown): void;
  close(): Promise<void>;
}

/** A way to carry messages between the processes of one machine. */
export interface Peer {
  /**
   * Opens the sending end. The receiving ends are opened after it.
   *
   * @param onReply is called with each message that comes back.
   * @param children are what the consumers run in, for peers that talk to those.
   */
  produce(job: Job, onReply: (message: unknown) => void, children: readonly Postable[]): Promise<Producer>;
  /** Opens a receiving end. When it resolves, nothing that is sent later is lost. */
  consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer>;
}

/** How the consumers of a producer start. */
export type Start = 'process' | 'fork-json' | 'fork-advanced' | 'worker';

/** A child process or a Worker. */
export interface Postable {
  post(message: unknown): boolean;
  onPost(listener: (message: unknown) => void): void;
  /** Resolves when what was posted is on its way. */
  drained(): Promise<void>;
}
