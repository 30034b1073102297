import type { ServeOptions } from '@mmfbus/service';
import type { Point, Stop } from '../orders.js';

/** How a call is made. */
export interface CallSettings {
  /** Milliseconds. */
  readonly timeout?: number;
  /** Items that the caller sends, or that the handler does. Defaults to 0. */
  readonly items?: number;
  /** Bytes of the call or of each item. Defaults to none but the key. */
  readonly size?: number;
  /** The caller leaves the stream after so many items. */
  readonly leaveAfter?: number;
}

/** The methods, by what the handler does: see `service.ts`. */
export type MethodName = 'echo' | 'later' | 'gate' | 'gateAgain' | 'note' | 'count' | 'total' | 'both';

/** What a process does when told: it is one server at most, and one client at most. */
export interface CallOrders {
  /** Forgets the last play; where files live, the service, and the file that outlives all. */
  begin(directory: string, service: string, journal: string): void;
  serve(name: string, options?: ServeOptions): Promise<void>;
  openClient(name: string, waitForServer: number): Promise<void>;
  /** Makes a call, and does not wait. The journal has its outcome. */
  call(method: MethodName, key: string, settings?: CallSettings): void;
  /** Returns when that call has its outcome. */
  settled(key: string): Promise<void>;
  /** Gives it up by its signal. */
  abort(key: string): void;
  /** Returns when the handler of that call runs in this process. */
  entered(key: string): Promise<void>;
  /** Lets the handler at a gate go on. */
  release(key: string): void;
  /** Returns when the server has that many calls. */
  hasCalls(count: number): Promise<void>;
  /** Returns when no server of this client has a call of any client. */
  isServed(): Promise<void>;
  /** Takes all descriptors that the process may have, or gives them back. */
  useUpDescriptors(areTaken: boolean): void;
  drain(timeout?: number): Promise<void>;
  closeServer(): Promise<void>;
  closeClient(): Promise<void>;
  arm(point: Point | undefined, how: Stop): number;
  /** All steps since the beginning. */
  seen(): readonly string[];
  leaveAll(): Promise<void>;
}
