import type { ChannelPlan } from './channel-plan.js';
import { Random } from './random.js';

/** How a publisher publishes. */
export type Style = 'sync' | 'async' | 'impatient' | 'pipelined' | 'batch' | 'large';

interface RoleBase {
  /** Number of the role, in messages also of its publisher; from 1 on, of all agents. */
  readonly id: number;
  readonly channel: ChannelPlan;
  /** Whether it runs in a Worker of its own. */
  readonly worker: boolean;
  /** Whether it ends by `drain` where it ends in good order. */
  readonly drains: boolean;
}

export interface PublisherRole extends RoleBase {
  readonly kind: 'publisher';
  readonly style: Style;
  /** Messages a second at most. */
  readonly rate: number;
  readonly slowSubscribers: 'wait' | 'disconnect';
}

export interface SubscriberRole extends RoleBase {
  readonly kind: 'subscriber';
  readonly delivery: 'reliable' | 'lossy';
  /** `after` begins after the last message that any subscriber had that has ended. */
  readonly start: 'latest' | 'earliest' | 'history' | 'after';
  readonly take: 'listen' | 'iterate' | 'poll';
  /** Whether it takes its time now and then, so that publishers have to wait for it, or lap it. */
  readonly sluggish: boolean;
  readonly pollWindow: number;
  readonly closeWithPublishers: boolean;
}

export type Role = PublisherRole | SubscriberRole;

/** Dies at a step of the protocol: the n-th one whose name begins like this. */
export interface DeathStep {
  readonly begins: string;
  readonly nth: number;
}

/** Stops a process for a while. */
export interface Pause {
  /** Milliseconds after its start. */
  readonly at: number;
  /** Milliseconds. */
  readonly length: number;
}

/** What one process does. */
export interface LifePlan {
  readonly index: number;
  readonly roles: readonly Role[];
  /** Milliseconds until its end. */
  readonly length: number;
  /** `close`: its roles end in good order, then it exits. `exit`: it exits as it is. */
  readonly end: 'kill' | 'close' | 'exit';
  /** Where it dies by its own hand, if it comes there before its end. */
  readonly death: DeathStep | undefined;
  readonly pauses: readonly Pause[];
  /** Milliseconds until its Workers are terminated. */
  readonly terminate: number | undefined;
}

/** Roles that a life has at most. */
const MAX_ROLES = 3;

const STEPS: readonly DeathStep[] = [
  { begins: 'publish', nth: 3000 },
  { begins: 'publish: frame written', nth: 300 },
  { begins: 'publish: committed', nth: 300 },
  { begins: 'publish: head', nth: 100 },
  { begins: 'lock', nth: 2000 },
  { begins: 'lock: taken over', nth: 1 },
  { begins: 'ring', nth: 30 },
  { begins: 'read', nth: 500 },
  { begins: 'sleep', nth: 50 },
  { begins: 'wake', nth: 50 },
  { begins: 'create', nth: 2 },
  { begins: 'claim', nth: 6 },
  { begins: 'join', nth: 5 },
  { begins: 'leave', nth: 6 },
  { begins: 'reclaim', nth: 4 },
  { begins: 'disconnect', nth: 3 },
];

/**
 * Plans the life of the process with that number; the same seed gives the same lives.
 *
 * @param mayStop says whether processes can be stopped for a while; not on Windows.
 */
export function planLife(
  seed: number,
  index: number,
  channels: readonly ChannelPlan[],
  mayStop: boolean,
): LifePlan {
  const random = new Random(seed, index);
  const count = random.pick([1, 1, 1, 1, 2, 2, 3]);
  const length = random.chance(0.04) ? random.whole(11_000, 16_000) : random.whole(50, 3000);
  const death = random.chance(0.4) ? random.pick(STEPS) : undefined;
  const leaves = death?.begins === 'leave' || random.chance(0.2);
  const pauses = random.chance(0.3) ? [planPause(random, length)] : [];
  const roles = Array.from({ length: count }, (_, place) =>
    planRole(random, index * MAX_ROLES + place + 1, channels),
  );
  return {
    index,
    roles,
    length,
    end: leaves ? random.pick(['close', 'close', 'exit'] as const) : 'kill',
    death: death === undefined ? undefined : { begins: death.begins, nth: random.whole(1, death.nth) },
    pauses: mayStop ? pauses : [],
    terminate: random.chance(0.3) ? random.whole(0, length) : undefined,
  };
}

function planPause(random: Random, length: number): Pause {
  return {
    at: random.whole(0, length),
    length: random.chance(0.1) ? random.whole(300, 1200) : random.whole(5, 300),
  };
}

function planRole(random: Random, id: number, channels: readonly ChannelPlan[]): Role {
  const channel = random.pick(channels);
  const base = { id, channel, worker: random.chance(0.2), drains: random.chance(0.6) };
  return random.chance(0.5) ? planPublisher(random, base) : planSubscriber(random, base);
}

function planPublisher(random: Random, base: RoleBase): PublisherRole {
  const { channel } = base;
  const splits = channel.maxMessage > channel.capacity / 4;
  const styles: Style[] = ['sync', 'async', 'impatient', 'pipelined', 'batch'];
  return {
    kind: 'publisher',
    ...base,
    style: splits && random.chance(0.6) ? 'large' : random.pick(styles),
    rate: random.pick([20, 500, 3000, 3000, 10_000]),
    slowSubscribers: !channel.audited && random.chance(0.4) ? 'disconnect' : 'wait',
  };
}

function planSubscriber(random: Random, base: RoleBase): SubscriberRole {
  const { history } = base.channel;
  return {
    kind: 'subscriber',
    ...base,
    delivery: random.pick(['reliable', 'lossy']),
    start: random.pick(['latest', 'latest', 'after', 'earliest', history > 0 ? 'history' : 'latest']),
    take: random.pick(['listen', 'listen', 'iterate', 'poll']),
    sluggish: random.chance(0.25),
    pollWindow: random.pick([0, 0.2, 0.2, 2]),
    closeWithPublishers: random.chance(0.1),
  };
}
