import type { Orders } from './orders.js';
import { Performer } from './performer.js';

/** A process of the matrix for channels, seen from the test. */
export class ActorProcess extends Performer<Orders> {
  constructor() {
    super('kill-matrix/actor');
  }

  async begin(role: string, ...args: Parameters<Orders['begin']>): Promise<void> {
    this.role = role;
    this.seen = undefined;
    await this.ask('begin', ...args);
  }

  /** Has it stand still until the file is there; the answer to the order comes after that. */
  async hold(file: string): Promise<{ readonly released: Promise<void> }> {
    this.forget('holds');
    const released = this.ask('hold', file);
    await this.announces('holds');
    return { released };
  }
}

const spare: ActorProcess[] = [];

/** A process that is ready for orders: one that has served before, or a new one. */
export async function hire(): Promise<ActorProcess> {
  for (let actor = spare.pop(); actor !== undefined; actor = spare.pop()) if (actor.isAlive) return actor;
  const actor = new ActorProcess();
  await actor.announces('ready');
  return actor;
}

/** Gives back one that has left everything. */
export function dismiss(actor: ActorProcess): void {
  spare.push(actor);
}
