import { ChannelError } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';
import type { ServiceContract } from '../contract/service-contract.js';
import type { ClientSeat } from '../wire/registry.js';
import { ServerLink } from './server-link.js';

/** Before an inbox that could not be joined is tried again, or a server that could not answer, milliseconds. */
const RETRY_MS = 1000;

/** What links are made with. */
export interface LinksParts {
  readonly contract: ServiceContract;
  readonly name: string;
  readonly seat: ClientSeat;
  /** Id of the client's mailbox now. */
  readonly mailbox: () => bigint;
  /** Which servers may be called, by their names. */
  readonly accepts: (server: string) => boolean;
}

/** The inboxes of all servers that a client knows. */
export class ServerLinks {
  /** Those that take calls. */
  serving: readonly ServerLink[] = [];
  /** Why the last inbox could not be joined; undefined where all could. */
  unreachable: { readonly cause: unknown } | undefined;
  readonly #parts: LinksParts;
  readonly #signal: AbortSignal;
  readonly #onChange: () => void;
  /** By the ids of the inboxes. */
  readonly #links = new Map<bigint, ServerLink>();
  readonly #joining = new Map<bigint, Promise<void>>();
  /** Inboxes that are not tried again for a while. */
  readonly #failed = new Set<bigint>();
  readonly #candidates = new Map<string, readonly ServerLink[]>();
  #turn = 0;

  /** @param onChange is called when an inbox was joined, or could not be. */
  constructor(parts: LinksParts, signal: AbortSignal, onChange: () => void) {
    this.#parts = parts;
    this.#signal = signal;
    this.#onChange = onChange;
  }

  /** All that were joined, also those that take no calls any more. */
  get all(): ServerLink[] {
    return [...this.#links.values()];
  }

  get isJoining(): boolean {
    return this.#joining.size > 0;
  }

  /** Those that take calls of that method. */
  candidates(method: string): readonly ServerLink[] {
    let found = this.#candidates.get(method);
    if (found === undefined) {
      found = this.serving.filter(({ methods }) => 'isIdempotent' in (methods.get(method) ?? {}));
      this.#candidates.set(method, found);
    }
    return found;
  }

  /** The same with the least work first, in turn where that is equal. */
  byWork(links: readonly ServerLink[]): ServerLink[] {
    const first = this.#turn++ % links.length;
    return [...links.slice(first), ...links.slice(0, first)]
      .map((link) => ({ link, work: link.work }))
      .sort((a, b) => a.work - b.work)
      .map(({ link }) => link);
  }

  /** Why no server that takes calls has the method. */
  whyNot(method: string): string {
    for (const { methods } of this.serving) {
      const compared = methods.get(method);
      if (compared?.outcome === 'different')
        return `the servers have another method of that name: ${compared.difference}`;
    }
    return 'no server has the method';
  }

  /** Joins the inboxes of servers that are new. */
  async update(): Promise<void> {
    for (const server of this.#parts.seat.serving()) {
      const { inbox } = server;
      if (!this.#parts.accepts(server.name)) continue;
      if (this.#links.has(inbox) || this.#joining.has(inbox) || this.#failed.has(inbox)) continue;
      const joining = ServerLink.join(
        this.#parts.contract,
        server,
        this.#parts.mailbox(),
        this.#parts.name,
        this.#signal,
      ).then(
        (link) => this.#add(inbox, link),
        (cause) => this.#giveUp(inbox, cause),
      );
      this.#joining.set(inbox, joining);
    }
    await Promise.all(this.#joining.values());
  }

  async #add(inbox: bigint, link: ServerLink): Promise<void> {
    this.#joining.delete(inbox);
    if (this.#signal.aborted) {
      await link.leave();
      return;
    }
    this.#links.set(inbox, link);
    link.mailbox = this.#parts.mailbox();
    // It may have begun to drain, or have gone, since it was seen; the change may have been told already.
    const state = this.#parts.seat.stateOf(link.server);
    if (state === 'gone') {
      this.#links.delete(inbox);
      await link.leave();
    } else if (state === 'draining') {
      link.isServing = false;
    }
    this.unreachable = undefined;
    this.changed();
    this.#onChange();
  }

  #giveUp(inbox: bigint, cause: unknown): void {
    this.#joining.delete(inbox);
    if (this.#signal.aborted) return;
    // A server whose inbox is gone is gone itself, whether its slot says so already or not.
    const isGone = cause instanceof ChannelError && cause.code === 'NOT_FOUND';
    if (!isGone) this.unreachable = { cause };
    this.#failed.add(inbox);
    timers
      .setTimeout(() => {
        this.#failed.delete(inbox);
        this.unreachable = undefined;
        if (!this.#signal.aborted) void this.update();
      }, RETRY_MS)
      .unref();
    this.#onChange();
  }

  /** A link takes calls, or does so no more. */
  changed(): void {
    this.serving = this.all.filter(({ isServing }) => isServing);
    this.#candidates.clear();
  }

  /** A server cannot answer this client: it is not called for a while. */
  avoid(link: ServerLink): void {
    link.isServing = false;
    this.changed();
    timers
      .setTimeout(() => {
        if (this.#signal.aborted || !link.isThere) return;
        link.isServing = this.#parts.seat.stateOf(link.server) === 'serving';
        this.changed();
        this.#onChange();
      }, RETRY_MS)
      .unref();
  }

  /** A server is gone. */
  remove(link: ServerLink): void {
    this.#links.delete(link.server.inbox);
    this.changed();
  }

  /** Leaves all of them. */
  async leave(): Promise<void> {
    await Promise.all(this.#joining.values());
    const { all } = this;
    this.#links.clear();
    this.changed();
    await Promise.all(all.map((link) => link.leave()));
  }
}
