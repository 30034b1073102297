import type { Message } from '@mmfbus/channel';
import {
  type ChannelMemory,
  joinSegment,
  type Participant,
  Receiver,
  STATE_PUBLISHER,
} from '@mmfbus/channel/internal';
import { randomNonce } from '@mmfbus/core/internal';
import { atStep } from '../foundation/steps.js';
import { Cells } from '../wire/cells.js';
import { halvesOf, type MailboxIdentity } from '../wire/envelope.js';
import type { Packet } from '../wire/packet.js';
import { mailboxDefinition } from '../wire/segments.js';

/** Part of the ring behind which a subscriber is said to be slow: a mailbox is always read. */
const NEVER_SLOW = 1;

/** The memory in which a client gets its answers. */
export class Mailbox implements MailboxIdentity {
  readonly id: bigint;
  readonly idLow: number;
  readonly idHigh: number;
  readonly incarnationLow: number;
  readonly incarnationHigh: number;
  readonly participant: Participant;
  readonly cells: Cells;
  readonly #receiver: Receiver<Packet>;
  /** Ids of the inboxes of those servers that have joined, by their slots. */
  readonly #servers: (bigint | undefined)[] = [];

  /** With the publisher lock held. */
  private constructor(id: bigint, participant: Participant, memory: ChannelMemory, onLost: () => void) {
    this.id = id;
    [this.idLow, this.idHigh] = halvesOf(id);
    [this.incarnationLow, this.incarnationHigh] = halvesOf(BigInt(`0x${memory.incarnation}`));
    this.participant = participant;
    this.cells = new Cells(memory);
    this.#receiver = new Receiver(
      mailboxDefinition('', id),
      participant,
      { delivery: 'reliable', start: 'latest', slowThreshold: NEVER_SLOW },
      {
        gap: onLost,
        error: onLost,
        end: onLost,
        slow: () => {},
        joined: ({ slot }) => {
          this.#servers[slot] = participant.table.detailOf(slot);
        },
      },
    );
    participant.namesRemoved.add(onLost);
  }

  /**
   * Creates one.
   *
   * @param onLost is called when answers may have been lost, or servers cannot find it any more.
   */
  static async create(
    service: string,
    name: string,
    signal: AbortSignal,
    onLost: () => void,
  ): Promise<Mailbox> {
    const id = randomNonce();
    const joining = { open: 'create', name, signal } as const;
    const mailbox = await joinSegment(
      mailboxDefinition(service, id),
      joining,
      (participant, memory) => new Mailbox(id, participant, memory, onLost),
    );
    atStep?.('client: mailbox joined');
    return mailbox;
  }

  /** The receiver, for the pump that drives it. */
  get receiver(): Receiver<Packet> {
    return this.#receiver;
  }

  /**
   * Whether the publisher in that slot is the server of that inbox, or may have been: one that has left may have another server
   * in its slot by now, and only the id tells its answers from those of that one.
   */
  isFrom(slot: number, inbox: bigint): boolean {
    const known = this.#servers[slot];
    if (known === inbox) return true;
    const { table } = this.participant;
    // It may have joined since this was looked at.
    if (table.stateOf(slot) === STATE_PUBLISHER && table.detailOf(slot) === inbox) return true;
    // Each server says which inbox it has before it takes its role.
    if (known === 0n) return false;
    for (let other = 0; other < table.used(); other++) {
      if (table.stateOf(other) === STATE_PUBLISHER && table.detailOf(other) === inbox) return false;
    }
    return true;
  }

  /** Whether a server holds its publisher lock. */
  get isLocked(): boolean {
    return this.participant.lock.isHeld();
  }

  /** Reads everything that is there now. */
  readAll(deliver: (message: Message<Packet>) => boolean): void {
    const end = this.#receiver.committed();
    while (this.#receiver.take(deliver, Number.POSITIVE_INFINITY) > 0 && this.#receiver.handled < end);
  }

  async leave(): Promise<void> {
    this.#receiver.leave();
    await this.participant.memory.closed;
  }
}
