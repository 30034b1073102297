import { type Message, monotonicNow, type Subscriber } from '@mmfbus/channel';
import { type ChannelPlan, channelOf, framePayload } from './channel-plan.js';
import { judgePublisher } from './judge-publisher.js';
import { type EndedSubscriber, type Findings, judgeSubscriber } from './judge-subscriber.js';
import type { LedgerContents } from './ledger.js';
import type { PublisherRole } from './life-plan.js';
import { type Content, readMessage } from './message.js';
import { Truth } from './truth.js';

/** Bytes of the smallest frame. */
const SMALLEST_FRAME = 64;

/** A channel as its auditor sees it: one subscriber that is there from the beginning to the end and gets everything. */
export class AuditedChannel {
  readonly #plan: ChannelPlan;
  readonly #subscriber: Subscriber<Uint8Array>;
  readonly #tell: (problem: string) => void;
  readonly #truth = new Truth();
  /** How many messages of each publisher came. */
  readonly #counts = new Map<number, number>();
  /** For each role that has not ended yet the first message that may matter to it. */
  readonly #firsts = new Map<number, number>();
  readonly #take = (message: Message<Uint8Array>) => this.#record(message);

  private constructor(
    plan: ChannelPlan,
    subscriber: Subscriber<Uint8Array>,
    tell: (problem: string) => void,
  ) {
    this.#plan = plan;
    this.#subscriber = subscriber;
    this.#tell = tell;
    subscriber.on('gap', ({ from, to }) => tell(`${plan.name}: the auditor missed ${from} to ${to}`));
    subscriber.on('error', (error) => tell(error.message));
    subscriber.on('close', ({ reason }) => {
      if (reason !== 'local') tell(`${plan.name}: the auditor's subscription ended: ${reason}`);
    });
    subscriber.on('message', this.#take);
  }

  /** @param tell is told of every problem. */
  static async open(plan: ChannelPlan, tell: (problem: string) => void): Promise<AuditedChannel> {
    return new AuditedChannel(plan, await channelOf(plan).subscriber({ start: 'latest' }), tell);
  }

  /** How many messages came. */
  get received(): number {
    return this.#truth.last;
  }

  /** What is there when this role begins, and what comes after, is kept until it is judged. */
  admit(role: number): void {
    const { capacity } = this.#plan;
    this.#firsts.set(role, Math.max(1, this.#truth.last + 1 - capacity / SMALLEST_FRAME));
  }

  /** Takes everything that is published by now, so that those that have ended can be judged. */
  catchUp(): void {
    const subscriber = this.#subscriber;
    if (!subscriber.isOpen) return;
    subscriber.off('message', this.#take);
    subscriber.poll(this.#take, this.#plan.capacity / SMALLEST_FRAME);
    subscriber.on('message', this.#take);
  }

  judgePublisher(role: PublisherRole, ledger: LedgerContents): string[] {
    const problems = judgePublisher(role, ledger, this.#counts.get(role.id) ?? 0);
    this.#counts.delete(role.id);
    return problems;
  }

  judgeSubscriber(subscriber: EndedSubscriber): Findings {
    return judgeSubscriber(subscriber, this.#truth);
  }

  /** What only this role needed is forgotten. */
  dismiss(role: number): void {
    this.#firsts.delete(role);
    let first = this.#truth.last + 1 - this.#plan.capacity / SMALLEST_FRAME;
    for (const needed of this.#firsts.values()) first = Math.min(first, needed);
    this.#truth.forgetBefore(first);
  }

  #record({ value, sequence, timestamp }: Message<Uint8Array>): void {
    const seen = monotonicNow();
    const due = this.#truth.last + 1;
    if (sequence !== due) this.#tell(`${this.#plan.name}: the auditor got ${sequence} where ${due} was due`);
    const content = readMessage(value);
    if (typeof content === 'string') {
      this.#tell(`${this.#plan.name}: message ${sequence}: ${content}`);
      this.#truth.add(0, 0, timestamp, seen);
      return;
    }
    this.#truth.add(content.publisher, content.counter, timestamp, seen);
    this.#count(content, sequence);
  }

  #count({ publisher, counter, length, begun }: Content, sequence: number): void {
    const before = this.#counts.get(publisher) ?? 0;
    if (counter !== before + 1) {
      this.#tell(
        `${this.#plan.name}: message ${sequence} is number ${counter} of ${publisher}; ${before + 1} was due`,
      );
    }
    this.#counts.set(publisher, counter);
    if (length > framePayload(this.#plan)) this.#truth.markSplit(begun);
  }

  close(): Promise<void> {
    return this.#subscriber.close();
  }
}
