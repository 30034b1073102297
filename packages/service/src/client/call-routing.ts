import { monotonicNow } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';
import { diagnostics } from '../foundation/diagnostics.js';
import type { EarliestTimer } from '../foundation/earliest-timer.js';
import type { ServiceError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import type { CallOutcomes } from './call-outcomes.js';
import type { CallTable } from './call-table.js';
import type { OpenCall } from './open-call.js';
import type { ServerLink } from './server-link.js';
import type { ServerLinks } from './server-links.js';

const NS_PER_MS = 1e6;
/** Milliseconds between two looks for the refusal of a server that has not answered yet: one without descriptors may be unable to ring. */
const REFUSAL_LOOK_MS = 200;
/** Before a call is tried again for which an inbox was locked by a living process, milliseconds. */
const LOCKED_PAUSE_MS = 5;

/** What routing needs to know. */
export interface RoutingParts {
  /** Name of the service. */
  readonly service: string;
  readonly table: CallTable;
  readonly outcomes: CallOutcomes;
  readonly links: ServerLinks;
  /** Has the client look at all calls in time. */
  readonly timer: EarliestTimer;
  /** Has the client look at the line soon. */
  readonly schedule: () => void;
  /** Milliseconds that a call waits for a server to come. */
  readonly waitForServer: number;
  /** Milliseconds after which a call that its server has not started goes to another one; undefined for never. */
  readonly moveAfter: number | undefined;
}

type Placement = 'sent' | 'full' | 'waits' | ServiceError;

/** Which server each call of a client goes to, and when. */
export class CallRouting {
  /** Whether no call is sent for now: there is no mailbox for its answer. */
  isHeld = false;
  readonly #service: string;
  readonly #schedule: () => void;
  /** Each call asks for both: so they are fields. */
  readonly #waitForServer: number;
  readonly #moveAfter: number | undefined;
  readonly #table: CallTable;
  readonly #outcomes: CallOutcomes;
  readonly #links: ServerLinks;
  readonly #timer: EarliestTimer;
  #isServing = false;
  #lockTimer: NodeJS.Timeout | undefined;

  constructor(parts: RoutingParts) {
    this.#service = parts.service;
    this.#schedule = parts.schedule;
    this.#waitForServer = parts.waitForServer;
    this.#moveAfter = parts.moveAfter;
    this.#table = parts.table;
    this.#outcomes = parts.outcomes;
    this.#links = parts.links;
    this.#timer = parts.timer;
  }

  /** Until when a call waits for a server that begins to wait now: nanoseconds of the monotonic clock. */
  serverBy(now: number): number {
    return now + this.#waitForServer * NS_PER_MS;
  }

  /** Sends a new call, behind those that were here before. */
  begin(call: OpenCall): void {
    if (this.#table.line.size > 0) this.#wait(call);
    else this.send(call);
  }

  /** Sends a call to a server that has room, puts it in line, or ends it where no server can take it. */
  send(call: OpenCall, except?: ServerLink): void {
    this.#settle(call, this.#place(call, except));
  }

  /** Tries those in line again; each that cannot be sent for want of room holds up those behind it. Returns whether any has gone. */
  serveLine(): boolean {
    const { line } = this.#table;
    if (line.size === 0 || this.#isServing) return false;
    this.#isServing = true;
    let any = false;
    for (const link of this.#links.serving) link.awaitRoom();
    for (const call of [...line]) {
      if (!line.has(call)) continue;
      const placement = this.#place(call);
      if (placement === 'full') break;
      if (placement === 'waits') continue;
      any = true;
      line.delete(call);
      this.#settle(call, placement);
    }
    if (line.size === 0) for (const link of this.#links.serving) link.forgetRoom();
    this.#isServing = false;
    return any;
  }

  /** Sends the calls that a server has not started to others. */
  moveWaiting(link: ServerLink): void {
    for (const call of this.#table.of(link)) {
      if (!call.isSending && this.#table.withdraw(call)) this.move(call);
    }
  }

  /** The same of a server that cannot open the mailbox, and none of them comes back to it. */
  moveOff(link: ServerLink): void {
    this.#links.avoid(link);
    for (const call of this.#table.of(link)) {
      if (!call.isSending && this.#table.withdraw(call)) this.avoid(call, 'UNREACHABLE');
    }
  }

  /** Sends a call to another server than the one that does not take it. */
  avoid(call: OpenCall, avoidance: OpenCall['avoidance']): void {
    call.avoided ??= new Set();
    call.avoided.add(call.link as ServerLink);
    call.avoidance = avoidance;
    this.move(call);
  }

  /** Sends a call that will not run where it is to another server. */
  move(call: OpenCall, except?: ServerLink): void {
    const from = call.link?.server;
    this.#table.release(call);
    call.link = undefined;
    call.serverBy = this.serverBy(monotonicNow());
    if (diagnostics.failover.hasSubscribers && from !== undefined) {
      diagnostics.failover.publish({
        service: this.#service,
        method: call.method.name,
        server: from.name,
        pid: from.pid,
      });
    }
    atStep?.('call: moved');
    this.send(call, except);
  }

  /** Looks at a call that is sent, or in line: sets the timer for it, and moves it where its server has not started it in time. */
  look(call: OpenCall, now: number): void {
    this.#timer.set(call.deadline);
    if (call.state === 'sent') this.#moveSlow(call, now);
    if (call.link?.hasAnswered === false) this.#timer.set(now + REFUSAL_LOOK_MS * NS_PER_MS);
    if (call.state === 'line' && call.serverBy > now) this.#timer.set(call.serverBy);
  }

  close(): void {
    timers.clearTimeout(this.#lockTimer);
  }

  #settle(call: OpenCall, placement: Placement): void {
    if (placement === 'sent') return;
    if (placement === 'full' || placement === 'waits') this.#wait(call);
    else this.#outcomes.failWith(call, placement);
  }

  #wait(call: OpenCall): void {
    call.state = 'line';
    this.#table.line.add(call);
    if (call.serverBy > monotonicNow()) this.#timer.set(call.serverBy);
    // Looked at again as one that is rung when there is room.
    this.#schedule();
  }

  /** Finds a server for a call that is not sent. */
  #place(call: OpenCall, except?: ServerLink): Placement {
    const all = call.only === undefined ? this.#links.candidates(call.method.name) : [call.only];
    let tried = 0;
    let isFull = false;
    for (const link of all.length > 1 ? this.#links.byWork(all) : all) {
      if (!link.isServing || link === except || call.avoided?.has(link) === true) continue;
      tried++;
      const outcome = this.#sendTo(call, link);
      if (outcome === 'sent') return outcome;
      if (outcome === 'no cell') return 'full';
      if (outcome === 'full') isFull = true;
    }
    if (isFull) return 'full';
    // A server may have come of which this client has not heard yet.
    void this.#links.update();
    if (this.isHeld || this.#links.isJoining || tried > 0) return 'waits';
    return this.#whyNowhere(call) ?? 'waits';
  }

  /** Why no server can have the call; undefined where one may come still. */
  #whyNowhere(call: OpenCall): ServiceError | undefined {
    const outcomes = this.#outcomes;
    if (call.avoided !== undefined) {
      const texts = {
        BUSY: 'all servers have more calls than they take',
        UNREACHABLE: 'no server can open the mailbox of this client',
        NO_METHOD: 'no server has the method',
      };
      return outcomes.error(call, call.avoidance, false, texts[call.avoidance]);
    }
    if (call.only !== undefined) return outcomes.error(call, 'SERVER_DIED', false, 'the server has left');
    if (this.#links.serving.length > 0)
      return outcomes.error(call, 'NO_METHOD', false, this.#links.whyNot(call.method.name));
    if (this.#links.unreachable !== undefined) {
      const { cause } = this.#links.unreachable;
      return outcomes.error(call, 'UNREACHABLE', false, 'no inbox of a server can be joined', cause);
    }
    if (monotonicNow() < call.serverBy) return undefined;
    return outcomes.error(call, 'NO_SERVER', false, 'no server of the service runs');
  }

  #sendTo(call: OpenCall, link: ServerLink): 'sent' | 'full' | 'refused' | 'no cell' {
    const { outgoing, method } = call;
    if (method.isOneWay) {
      call.link = link;
      outgoing.attempt(0, 0, undefined);
    } else {
      if (this.isHeld) return 'no cell';
      // INVARIANT: no call hangs. The call waits, and can be found by its answer, before the server can see it.
      if (!this.#table.claim(call)) return 'no cell';
      const { mailbox } = this.#table;
      call.link = link;
      outgoing.attempt(call.cell, call.id, mailbox);
      mailbox.cells.prepare(call.cell, call.id);
      atStep?.('call: cell waiting');
    }
    call.state = 'sent';
    if (link.isSplit(outgoing)) {
      void this.#sendSplit(call, link);
      return 'sent';
    }
    const moveAfter = this.#moveAfter;
    if (moveAfter !== undefined) {
      call.sentAt = monotonicNow();
      this.#timer.set(call.sentAt + moveAfter * NS_PER_MS);
    }
    const outcome = link.trySend(outgoing);
    if (outcome === 'published') {
      atStep?.('call: sent');
      this.#sent(call);
      return 'sent';
    }
    this.#takeBack(call);
    if (outcome === 'busy') this.#tryLater();
    return outcome === 'busy' ? 'full' : outcome;
  }

  async #sendSplit(call: OpenCall, link: ServerLink): Promise<void> {
    const sending = new AbortController();
    call.sending = sending;
    const { id } = call;
    let outcome: 'published' | 'refused';
    try {
      outcome = await link.sendSplit(call.outgoing, sending.signal);
    } catch {
      outcome = 'refused';
    }
    if (call.sending !== sending) return;
    call.sending = undefined;
    if (call.state === 'abandoned') {
      if (outcome === 'refused' || call.isWithdrawn) this.#table.finish(call);
      return;
    }
    if (call.state !== 'sent' || call.id !== id) return;
    if (outcome === 'published') {
      atStep?.('call: sent');
      this.#sent(call);
      return;
    }
    this.#takeBack(call);
    // In another turn: the server that has refused it may be gone, which only the event loop can tell.
    this.#wait(call);
  }

  #sent(call: OpenCall): void {
    if (call.link?.hasAnswered === false) this.#timer.set(monotonicNow() + REFUSAL_LOOK_MS * NS_PER_MS);
    if (call.method.isOneWay) {
      this.#outcomes.succeed(call, undefined);
      return;
    }
    if (call.input === undefined) return;
    this.#table.inputs.add(call.input);
    const { mailbox } = this.#table;
    const { link, cell, id } = call as { link: ServerLink; cell: number; id: number };
    call.input.begin({ link, cells: mailbox.cells, cell, id, mailbox: mailbox.id });
  }

  /** The call was not committed. */
  #takeBack(call: OpenCall): void {
    if (call.cell >= 0) this.#table.release(call);
    call.link = undefined;
  }

  /** A living process holds the lock of an inbox, and does not ring when it is free. */
  #tryLater(): void {
    this.#lockTimer ??= timers.setTimeout(() => {
      this.#lockTimer = undefined;
      this.#schedule();
    }, LOCKED_PAUSE_MS);
  }

  /** Sends a call to another server that its server has not started in time. */
  #moveSlow(call: OpenCall, now: number): void {
    const moveAfter = this.#moveAfter;
    if (moveAfter === undefined || call.isSending || call.only !== undefined) return;
    const due = call.sentAt + moveAfter * NS_PER_MS;
    if (now < due) {
      this.#timer.set(due);
      return;
    }
    const { link, method } = call;
    if (!this.#table.mailbox.cells.isWaiting(call.cell, call.id)) return;
    const hasOther = this.#links
      .candidates(method.name)
      .some((other) => other !== link && call.avoided?.has(other) !== true);
    if (hasOther && this.#table.withdraw(call)) this.move(call, link);
    else this.#timer.set(now + moveAfter * NS_PER_MS);
  }
}
