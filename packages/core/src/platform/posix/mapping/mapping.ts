import type { Region } from '../libc.js';

/** Memory of a file, mapped shared. */
export interface Mapping extends Region {
  /** Its bytes. The buffer may go on behind them. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /**
   * Detaches the memory, and unmaps it. A buffer that cannot be detached stays mapped: a leak, where unmapping would let an access
   * kill the process.
   */
  release(): void;
}
