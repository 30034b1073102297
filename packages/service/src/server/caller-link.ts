import { ChannelError } from '@mmfbus/channel';
import {
  joinSegment,
  leaveAtExit,
  leaveSoon,
  type Participant,
  Sender,
  STATE_PUBLISHER,
  STATE_RELIABLE,
} from '@mmfbus/channel/internal';
import { atStep } from '../foundation/steps.js';
import { answerCodec, type OutgoingAnswer } from '../wire/answer.js';
import { Cells } from '../wire/cells.js';
import { joinHalves } from '../wire/envelope.js';
import { mailboxDefinition } from '../wire/segments.js';

/** Slot of the client in its mailbox. */
const CLIENT_SLOT = 0;
/** A client whose answers take more than this is answered busy. */
const MOST_PARKED: number = 4 * 2 ** 20;

/** A client's seat in the inbox, and its mailbox as its calls name it. */
export interface CallerIdentity {
  readonly slot: number;
  readonly generation: number;
  readonly pid: number;
  readonly name: string;
  readonly nonce: bigint;
  readonly mailboxLow: number;
  readonly mailboxHigh: number;
  readonly incarnationLow: number;
  readonly incarnationHigh: number;
}

/**
 * One client of a server: its mailbox, and its calls.
 *
 * @typeParam C what the server has of a call.
 */
export class CallerLink<C = unknown> {
  readonly caller: CallerIdentity;
  /** `joining` until its mailbox is joined; `over` when the client is gone, or cannot be answered. */
  state: 'joining' | 'ready' | 'over' = 'joining';
  /** Calls that the server has of it, by their ids. */
  readonly calls: Map<number, C> = new Map();
  /** Calls that wait for the mailbox. */
  waiting: C[] = [];
  cells!: Cells;
  #participant!: Participant;
  #sender!: Sender<OutgoingAnswer>;

  constructor(caller: CallerIdentity) {
    this.caller = caller;
  }

  /** Whether it is the client with that mailbox. */
  hasMailbox(low: number, high: number): boolean {
    return this.caller.mailboxLow === low && this.caller.mailboxHigh === high;
  }

  /**
   * Joins the mailbox.
   *
   * @param inbox id of the inbox of this server.
   * @throws where that cannot be done, or it is another mailbox by now.
   */
  async join(service: string, inbox: bigint, name: string, signal: AbortSignal): Promise<void> {
    const { mailboxLow, mailboxHigh, incarnationLow, incarnationHigh, nonce } = this.caller;
    const definition = mailboxDefinition(service, joinHalves(mailboxLow, mailboxHigh));
    const incarnation = joinHalves(incarnationLow, incarnationHigh).toString(16).padStart(16, '0');
    await joinSegment(definition as never, { open: 'open', name, signal }, (participant, memory) => {
      const { table, slot } = participant;
      const isTheirs = table.stateOf(CLIENT_SLOT) === STATE_RELIABLE && table.isOwnedBy(CLIENT_SLOT, nonce);
      if (memory.incarnation !== incarnation || !isTheirs) {
        throw new Error('the mailbox is of another client');
      }
      table.storeDetail(slot, inbox);
      participant.activate(STATE_PUBLISHER);
      participant.watchOver(STATE_RELIABLE);
      participant.ending.add(() => leaveAtExit(participant));
      this.#participant = participant;
      this.cells = new Cells(memory);
      this.#sender = new Sender({ ...definition, codec: answerCodec() } as never, participant, {
        disconnects: false,
        timestamps: false,
        maxWaiting: Number.POSITIVE_INFINITY,
      });
    });
    atStep?.('server: mailbox joined');
  }

  /** Whether its answers take so much memory that it is to wait. */
  get isSlow(): boolean {
    return this.state === 'ready' && this.#sender.waiting > MOST_PARKED;
  }

  /**
   * Sends an answer: at once, where there is room. Otherwise it is kept, encoded, behind those that wait already.
   *
   * @returns settles when it is published; undefined where it is.
   * @throws what the codec throws.
   */
  send(answer: OutgoingAnswer): Promise<number> | undefined {
    try {
      if (this.#sender.trySend(answer) === 'published') return undefined;
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== 'TOO_LARGE') throw error;
    }
    return this.#sender.send(answer, {});
  }

  /** Waits until nothing waits to be published. */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.state === 'ready') await this.#sender.settle({ signal });
  }

  /** Rings the client if it sleeps: credit was raised. */
  ring(): void {
    this.#participant.ringSleeper(CLIENT_SLOT);
  }

  /** Leaves the mailbox. */
  async leave(): Promise<void> {
    const wasReady = this.state === 'ready';
    this.state = 'over';
    if (!wasReady) return;
    this.#sender.close();
    leaveSoon(this.#participant);
    await this.#participant.memory.closed;
  }
}
