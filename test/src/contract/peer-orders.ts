import type { ChannelOptions, PublisherOptions, SubscriberOptions } from '@mmfbus/channel';

/** A channel of the suite. */
export type PeerChannel = Pick<ChannelOptions<unknown>, 'name' | 'capacity' | 'discoverable'>;

/** Where a peer stands still, or dies: with the lock of publishers, before it gives it back. */
export type Halt = 'stop' | 'kill';

/** What a peer does when told. */
export interface PeerOrders {
  /** Where files live from now on. */
  begin(directory: string): void;
  publisher(channel: PeerChannel, options?: PublisherOptions): Promise<void>;
  /** @param listens has it take what comes; else it takes nothing. */
  subscriber(channel: PeerChannel, listens: boolean, options?: SubscriberOptions): Promise<void>;
  publish(value: unknown): string;
  /** Returns when the subscriber has heard so many messages. */
  heard(count: number): Promise<void>;
  /** Returns when the subscriber sleeps. */
  asleep(): Promise<void>;
  /** Has it halt at the next lock that it takes; undefined for not at all. */
  arm(halt: Halt | undefined): void;
  /** Opens the mapping and keeps its write lock; within `withWriteLock` where `guarded`. */
  lockMapping(name: string, guarded: boolean): Promise<void>;
  /** Has made the segment and left it behind, and holds it as one does that is about to remove it. */
  holdLeftover(name: string): void;
  /** Leaves whatever it is in. */
  leave(): Promise<void>;
}

export interface PeerOrder {
  readonly id: number;
  readonly order: keyof PeerOrders;
  readonly args: readonly unknown[];
}

export interface PeerAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Says by itself that it halts. */
export interface PeerHalts {
  readonly halts: Halt;
}
