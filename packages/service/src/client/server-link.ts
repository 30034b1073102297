import { ChannelError } from '@mmfbus/channel';
import {
  type AppendOutcome,
  type ChannelMemory,
  EPOCH_OFFSET,
  joinSegment,
  leaveAtExit,
  leaveSoon,
  MessageAppend,
  maxWholeOf,
  type Participant,
  PHASE_SERVING,
  readEncoding,
  readLong,
  Sender,
  SplitAppend,
  STATE_PUBLISHER,
  STATE_RELIABLE,
  TAIL_OFFSET,
} from '@mmfbus/channel/internal';
import { compareContracts, type MethodComparison } from '../contract/compare-contracts.js';
import { contractOfText } from '../contract/contract-of-text.js';
import type { ServiceContract } from '../contract/service-contract.js';
import { atStep } from '../foundation/steps.js';
import { itemCodec, type OutgoingCall, type OutgoingItem } from '../wire/envelope.js';
import type { RegisteredServer } from '../wire/registry.js';
import { inboxDefinition } from '../wire/segments.js';
import { readTotals, type ServerTotals } from '../wire/statistics.js';

/** Slot of the server in its inbox. */
const SERVER_SLOT = 0;
const EPOCH: number = EPOCH_OFFSET >> 2;
const TAIL: number = TAIL_OFFSET >> 2;
/** Words from a frame's position to the low word of its sequence number. */
const SEQUENCE_WORD = 2;
/** A split call leaves room for others between its fragments. */
const FRAGMENT_PART = 8;

/** The inbox of a server, as a client of it. */
export class ServerLink {
  readonly server: RegisteredServer;
  /** What the server can be called for, by the names of the client's methods. */
  methods: ReadonlyMap<string, MethodComparison> = new Map();
  /** Whether it takes calls: false from when it drains, refuses this client, or is gone. */
  isServing = true;
  /** Whether it has answered a call, so that it can answer others; false also after this client took another mailbox. */
  hasAnswered = false;
  /** Whether it answers calls that it has: false when it is gone. */
  isThere = true;
  readonly #participant: Participant;
  readonly #sender: Sender<OutgoingItem>;
  readonly #append: CallAppend;
  readonly #refused: number;

  /** With the publisher lock held. */
  private constructor(server: RegisteredServer, participant: Participant) {
    this.server = server;
    this.#participant = participant;
    const { memory, slot } = participant;
    const definition = { ...inboxDefinition('', 0n), name: memory.name, codec: itemCodec() };
    this.#sender = new Sender(definition as never, participant, {
      disconnects: false,
      timestamps: false,
      maxWaiting: Number.POSITIVE_INFINITY,
    });
    this.#append = new CallAppend(participant);
    this.#refused = (memory.geometry.regionOffset >> 2) + slot;
    participant.ending.add(() => leaveAtExit(participant));
  }

  /**
   * Joins the inbox of a server.
   *
   * @param mailbox id of the client's mailbox.
   * @throws what joining a channel throws; `ServiceError` `INVALID_CONTRACT` where its contract cannot be read.
   */
  static async join(
    contract: ServiceContract,
    server: RegisteredServer,
    mailbox: bigint,
    name: string,
    signal: AbortSignal,
  ): Promise<ServerLink> {
    const definition = inboxDefinition(contract.name, server.inbox);
    const link = await joinSegment(definition as never, { open: 'open', name, signal }, (participant) => {
      participant.table.storeDetail(participant.slot, mailbox);
      participant.activate(STATE_PUBLISHER);
      return new ServerLink(server, participant);
    });
    try {
      link.methods = compareContracts(contract, contractOfMemory(contract, link.#participant.memory));
    } catch (error) {
      await link.leave();
      throw error;
    }
    atStep?.('client: inbox joined');
    return link;
  }

  /** Bytes of the largest message that it takes. */
  get maxMessage(): number {
    return this.#participant.memory.geometry.maxMessage;
  }

  /** Messages that the server has and is not done with. A hint. */
  get work(): number {
    const { words, ringWords, geometry } = this.#participant.memory;
    const tail = words[TAIL] as number;
    const at = ((tail & (geometry.ringCapacity - 1)) >> 2) + SEQUENCE_WORD;
    return Math.max(0, readLong(ringWords, at) - 1 - this.#participant.table.doneOf(SERVER_SLOT));
  }

  get totals(): ServerTotals {
    return readTotals(this.#participant.memory);
  }

  /** Sends a call that fits into one frame, without waiting. */
  trySend(call: OutgoingCall): AppendOutcome {
    this.#append.payload = call.bytes;
    this.#append.bytes = call.length;
    return this.#sender.tryAppend(this.#append);
  }

  /** Whether a call has to be sent in parts. */
  isSplit(call: OutgoingCall): boolean {
    return call.length > maxWholeOf(this.#participant.memory.geometry);
  }

  /** Sends a call in parts. Its bytes must not change meanwhile. */
  sendSplit(call: OutgoingCall, signal: AbortSignal): Promise<'published' | 'refused'> {
    const { generation, memory } = this.#participant;
    const { maxPayload, ringCapacity } = memory.geometry;
    const append = new SplitAppend(
      call.bytes,
      call.length,
      generation,
      Math.min(maxPayload, ringCapacity / FRAGMENT_PART),
    );
    const guarded = Object.assign(append, { isAllowed: () => this.#append.isAllowed() });
    return this.#sender.append(guarded, call.length, { signal });
  }

  /** Sends an item of a stream, or its end. */
  async sendItem(item: OutgoingItem, signal: AbortSignal): Promise<void> {
    try {
      if (this.#sender.trySend(item) === 'published') return;
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== 'TOO_LARGE') throw error;
    }
    await this.#sender.send(item, { signal });
  }

  /** Has the bell rung when there is room, or the lock is free. Then whether there is any must be looked at. */
  awaitRoom(): void {
    this.#sender.awaitRoom();
  }

  /** Ends that. */
  forgetRoom(): void {
    this.#sender.forgetRoom();
  }

  /** Rings the server if it sleeps: a call was cancelled, or credit raised. */
  ring(): void {
    this.#participant.ringSleeper(SERVER_SLOT);
  }

  /** Whether the server has said that it cannot answer this client; said once. */
  takeRefusal(): boolean {
    const { memory, generation } = this.#participant;
    // SYNC: refused. Loaded after this client has said that it sleeps, or when its bell has rung.
    if (Atomics.load(memory.words, this.#refused) !== generation) return false;
    Atomics.compareExchange(memory.words, this.#refused, generation, 0);
    return true;
  }

  /** The client has another mailbox. */
  set mailbox(id: bigint) {
    this.hasAnswered = false;
    this.#participant.table.storeDetail(this.#participant.slot, id);
  }

  /** Leaves the inbox. */
  async leave(): Promise<void> {
    this.isServing = this.isThere = false;
    this.#sender.close();
    leaveSoon(this.#participant);
    await this.#participant.memory.closed;
  }
}

/** A call that fits into one frame. */
class CallAppend extends MessageAppend {
  readonly #participant: Participant;
  /** Of the inbox when it was last seen that the server takes calls. */
  #epoch = -1;

  constructor(participant: Participant) {
    super(undefined as never, 0);
    this.#participant = participant;
  }

  /** Whether the server takes calls. With the lock held. */
  isAllowed(): boolean {
    const { table, memory } = this.#participant;
    // SYNC: draining. A plain load, which the lock orders: the server raises the epoch with the lock held, and takes all that was
    // committed before. As long as it is the same, its slot is not looked at, into which it writes all the time.
    const epoch = memory.words[EPOCH] as number;
    if (epoch === this.#epoch) return true;
    const isServing =
      table.stateOf(SERVER_SLOT) === STATE_RELIABLE && table.phaseOf(SERVER_SLOT) === PHASE_SERVING;
    this.#epoch = isServing ? epoch : -1;
    return isServing;
  }
}

function contractOfMemory(contract: ServiceContract, memory: ChannelMemory): ServiceContract {
  const text = readEncoding(memory).schema ?? '';
  return text === contract.text ? contract : contractOfText(contract.name, text);
}
