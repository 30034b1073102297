import type { Machine } from './environment.js';

/** What a process does. It notes what the invariants count on. */
export type Program = (machine: Machine) => Promise<void>;

interface Publishing {
  /** Messages to publish, as soon as there is room. */
  readonly count: number;
  /** Joins after all has begun, and not before. Defaults to false. */
  readonly joins?: boolean;
  /** Leaves in the end. Defaults to false. */
  readonly leaves?: boolean;
  /** Gives up subscribers that are too slow. Defaults to false. */
  readonly disconnects?: boolean;
}

/** Joins, publishes, and stays or leaves. */
export function publishes({
  count,
  joins = false,
  leaves = false,
  disconnects = false,
}: Publishing): Program {
  return async (machine) => {
    if (joins) machine.start();
    const publisher = await machine.publisher(disconnects ? 'disconnect' : 'wait');
    machine.note('publishing');
    if (!joins) machine.start();
    for (let index = 1; index <= count; index++) {
      await publisher.publish(machine.process * 100 + index);
      machine.note(`published ${index}`);
      await machine.rest();
    }
    if (!leaves) return;
    await publisher.close();
    machine.note('left');
  };
}

/** Joins, takes what comes, and stays. */
export function subscribes(delivery: 'reliable' | 'lossy' = 'reliable'): Program {
  return async (machine) => {
    const subscriber = await machine.subscriber(delivery);
    machine.note('subscribed');
    subscriber.on('publishersGone', ({ reason }) => machine.note(`closed ${reason}`));
    subscriber.on('gap', ({ from, to }) => {
      for (let sequence = from; sequence <= to; sequence++) machine.note(`missed ${sequence}`);
    });
    machine.start();
    subscriber.on('message', ({ value, sequence }) => machine.note(`received ${sequence}: ${value}`));
  };
}

/** Joins as a reliable subscriber, takes nothing, and stays. `joins`: after all has begun, and not before. */
export function holdsBack({ joins = false }: { readonly joins?: boolean } = {}): Program {
  return async (machine) => {
    if (joins) machine.start();
    await machine.subscriber();
    if (!joins) machine.start();
  };
}

/** Joins as a publisher, and waits until there are so many subscribers. */
export function awaits(count: number): Program {
  return async (machine) => {
    const publisher = await machine.publisher();
    machine.note('publishing');
    machine.start();
    await publisher.waitForSubscribers(count);
    machine.note('found them');
  };
}

/** Joins when all has begun, if there is a slot for it, and leaves. */
export function joinsAndLeaves(role: 'publisher' | 'subscriber'): Program {
  return async (machine) => {
    machine.start();
    let member: { close(): Promise<void> };
    try {
      member = await machine[role]();
    } catch (error) {
      if ((error as { code?: string }).code !== 'TOO_MANY_PARTICIPANTS') throw error;
      machine.note('refused');
      return;
    }
    machine.note(role === 'publisher' ? 'publishing' : 'joined');
    await member.close();
    machine.note('left');
  };
}
