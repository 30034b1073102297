/** What a {@link FifoWatch} calls from the event loop, and what it is for. */
export interface FifoListener {
  /** Bytes were read; how many says nothing. */
  readonly onData?: () => void;
  /** The FIFO has no writer any more, or the watch was closed. Called once. */
  readonly onEnd?: () => void;
  /**
   * Whether others take the open descriptor as a sign of life of this thread, so that it has to be closed when the thread is
   * terminated. Defaults to false.
   */
  readonly showsLife?: boolean;
}

/** A watch on a FIFO from the event loop: no thread, no polling. A new one does not keep the event loop alive. */
export interface FifoWatch {
  /** Keeps the event loop alive. */
  ref(): void;
  /** Lets the event loop end. */
  unref(): void;
  /** Closes the descriptor at once. A second call does nothing. */
  close(): void;
}
