import { type Participant, STATE_PUBLISHER, withDeadline } from '@mmfbus/channel/internal';
import { atStep } from '../foundation/steps.js';
import { type EnvelopeHead, joinHalves } from '../wire/envelope.js';
import { CallerLink } from './caller-link.js';
import type { ServerCall } from './server-call.js';

type Link = CallerLink<ServerCall>;

/** How long joining a mailbox may take, milliseconds: descriptors may be short, or its client stopped. */
const JOIN_TIMEOUT_MS = 1000;

/** What is done with callers. */
export interface CallersHooks {
  /** The mailbox of a client was joined: its calls can be answered. */
  joined(call: ServerCall): void;
  /** A client is gone, or cannot be answered: its calls are of no use. */
  gone(call: ServerCall, why: string): void;
}

/** The clients of a server, by their slots in its inbox. */
export class Callers {
  readonly #service: string;
  readonly #inbox: bigint;
  readonly #name: string;
  readonly #participant: Participant;
  readonly #hooks: CallersHooks;
  readonly #links: (Link | undefined)[] = [];
  readonly #leaving = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Of the inbox when it was last looked which clients there are. */
  #epoch = -1;

  /**
   * @param participant of the server in its inbox.
   * @param inbox id of the inbox.
   * @param name of the server.
   */
  constructor(service: string, participant: Participant, inbox: bigint, name: string, hooks: CallersHooks) {
    this.#service = service;
    this.#participant = participant;
    this.#inbox = inbox;
    this.#name = name;
    this.#hooks = hooks;
  }

  /** The client in that slot, where it is known. */
  at(slot: number): Link | undefined {
    return this.#links[slot];
  }

  /** The client that has published a call in that slot; its mailbox is joined where it is new. Undefined where the client has left. */
  linkOf(slot: number, head: EnvelopeHead): Link | undefined {
    const known = this.#links[slot];
    if (known?.hasMailbox(head.mailboxLow, head.mailboxHigh) === true) return known;
    const { table } = this.#participant;
    const generation = table.generationOf(slot);
    const address = table.addressOf(slot);
    if (address === undefined || table.stateOf(slot) !== STATE_PUBLISHER) return undefined;
    const { mailboxLow, mailboxHigh, incarnationLow, incarnationHigh } = head;
    // The client that has sent this has left, and its slot has another one.
    if (table.detailOf(slot) !== joinHalves(mailboxLow, mailboxHigh)) return undefined;
    if (known !== undefined) this.#forget(slot, known, 'the caller has another mailbox');
    const { pid, nonce } = address;
    const mailbox = { mailboxLow, mailboxHigh, incarnationLow, incarnationHigh };
    const link: Link = new CallerLink({ slot, generation, pid, name: table.nameOf(slot), nonce, ...mailbox });
    this.#links[slot] = link;
    void this.#join(link);
    return link;
  }

  /** Forgets the clients that have left or died, where any has since the last look. */
  look(): void {
    const { roles, table } = this.#participant;
    const epoch = roles.epoch();
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    for (const [slot, link] of this.#links.entries()) {
      if (link === undefined) continue;
      const { generation } = link.caller;
      if (table.stateOf(slot) === STATE_PUBLISHER && table.generationOf(slot) === generation) continue;
      this.#forget(slot, link, 'the caller is gone');
    }
  }

  /** Waits until all answers are published. */
  async settle(signal: AbortSignal): Promise<void> {
    for (const link of this.#links) await link?.settle(signal).catch(() => {});
  }

  /** Leaves all mailboxes. */
  async leave(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#leaving, ...this.#links.map((link) => link?.leave())]);
  }

  async #join(link: Link): Promise<void> {
    const { signal } = this.#closing;
    const tooLate = () => new Error('the mailbox was not joined in time');
    try {
      await withDeadline({ signal, timeout: JOIN_TIMEOUT_MS }, tooLate, (limit) =>
        link.join(this.#service, this.#inbox, this.#name, limit),
      );
    } catch {
      if (!signal.aborted) this.#refuse(link);
      return;
    }
    const isOver = link.state === 'over' || signal.aborted;
    link.state = 'ready';
    if (isOver) {
      await link.leave();
      return;
    }
    for (const call of link.waiting.splice(0)) this.#hooks.joined(call);
  }

  /** This server cannot answer that client. */
  #refuse(link: Link): void {
    const { slot, generation } = link.caller;
    const { words, geometry } = this.#participant.memory;
    if (this.#links[slot] === link) this.#forget(slot, link, 'the caller cannot be answered');
    // SYNC: refused. Stored before the bell is rung.
    Atomics.store(words, (geometry.regionOffset >> 2) + slot, generation);
    this.#participant.ringAnyway(slot);
    atStep?.('server: refused');
  }

  #forget(slot: number, link: Link, why: string): void {
    this.#links[slot] = undefined;
    const left = link.leave().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    const calls = [...link.calls.values(), ...link.waiting];
    link.waiting = [];
    for (const call of calls) this.#hooks.gone(call, why);
  }
}
