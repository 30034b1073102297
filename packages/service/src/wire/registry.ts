import {
  joinSegment,
  leaveAtExit,
  leaveSoon,
  type Participant,
  PHASE_DRAINING,
  PHASE_SERVING,
  PublisherWatch,
  STATE_LOSSY,
  STATE_PUBLISHER,
  WANTS_FRAMES,
} from '@mmfbus/channel/internal';
import { registryDefinition } from './segments.js';

/** A server, as its slot of the registry shows it. */
export interface RegisteredServer {
  readonly slot: number;
  readonly generation: number;
  /** Of its port. */
  readonly nonce: bigint;
  readonly pid: number;
  readonly name: string;
  /** Id of its inbox. */
  readonly inbox: bigint;
}

/** A server's seat in the registry of its service. */
export class ServerSeat {
  readonly #participant: Participant;

  private constructor(participant: Participant) {
    this.#participant = participant;
    participant.ending.add(() => leaveAtExit(participant));
  }

  /** @param inbox id of the server's inbox, which it has joined. */
  static join(service: string, name: string, inbox: bigint, signal: AbortSignal): Promise<ServerSeat> {
    const joining = { open: 'open-or-create', name, isListed: true, signal } as const;
    return joinSegment(registryDefinition(service) as never, joining, (participant) => {
      participant.table.storeDetail(participant.slot, inbox);
      participant.table.storePhase(participant.slot, PHASE_SERVING);
      participant.activate(STATE_PUBLISHER);
      return new ServerSeat(participant);
    });
  }

  /** Tells the clients that no call is taken any more. */
  async drain(): Promise<void> {
    const { lock, table, roles, slot } = this.#participant;
    await lock.acquire();
    // SYNC: draining. Stored before the epoch is raised and the bells are rung.
    table.storePhase(slot, PHASE_DRAINING);
    roles.tellOfChange();
    lock.release();
  }

  async leave(): Promise<void> {
    leaveSoon(this.#participant);
    await this.#participant.memory.closed;
  }
}

/** A client's seat in the registry of its service: which servers there are. */
export class ClientSeat {
  readonly participant: Participant;
  readonly #watch: PublisherWatch;
  /** Ports that are proved dead, as long as their slots are not free. */
  readonly #dead = new Set<bigint>();
  #changed = true;
  /** Called when a server is proved dead, which its bell does not tell. */
  onDeath: () => void = () => {};

  /** With the publisher lock held. */
  private constructor(participant: Participant) {
    this.participant = participant;
    participant.activate(STATE_LOSSY);
    this.#watch = new PublisherWatch(participant);
    participant.lifeEnded.add((nonce) => {
      this.#dead.add(nonce);
      this.#changed = true;
      // INVARIANT: no call hangs. A death is told at once, whether the slot of the dead is reclaimed soon or not.
      this.onDeath();
    });
  }

  static join(service: string, name: string, signal: AbortSignal): Promise<ClientSeat> {
    const joining = { open: 'open-or-create', name, isListed: true, signal } as const;
    return joinSegment(registryDefinition(service), joining, (participant) => new ClientSeat(participant));
  }

  /** Whether a server has come, gone, died or changed since this was asked. */
  hasChanged(): boolean {
    if (!this.#watch.hasNews()) {
      if (!this.#changed) return false;
    } else {
      this.#watch.look();
      this.#watch.takeJoined();
      this.#watch.takeLeft();
      this.#watch.takeGone();
    }
    this.#changed = false;
    return true;
  }

  /** The servers that take calls. Stale on arrival. */
  serving(): RegisteredServer[] {
    const { table } = this.participant;
    const servers: RegisteredServer[] = [];
    const used = table.used();
    for (let slot = 0; slot < used; slot++) {
      if (table.stateOf(slot) !== STATE_PUBLISHER || table.phaseOf(slot) !== PHASE_SERVING) continue;
      const generation = table.generationOf(slot);
      const address = table.addressOf(slot);
      if (address === undefined || this.#dead.has(address.nonce)) continue;
      const { nonce, pid } = address;
      const server = { slot, generation, nonce, pid, name: table.nameOf(slot), inbox: table.detailOf(slot) };
      // Another server may have taken the slot meanwhile, which raises the epoch.
      if (table.generationOf(slot) === generation) servers.push(server);
    }
    return servers;
  }

  /** What a server does that was serving. */
  stateOf({ slot, generation, nonce }: RegisteredServer): 'serving' | 'draining' | 'gone' {
    const { table } = this.participant;
    if (
      this.#dead.has(nonce) ||
      table.stateOf(slot) !== STATE_PUBLISHER ||
      table.generationOf(slot) !== generation ||
      !table.isOwnedBy(slot, nonce)
    )
      return 'gone';
    // SYNC: draining. Loaded after the epoch that the server has raised after it stored this.
    return table.phaseOf(slot) === PHASE_SERVING ? 'serving' : 'draining';
  }

  /** `asleep` when the bell will ring for the next change. */
  fallAsleep(): 'asleep' | 'locked' | 'news' {
    const { sleep, lock } = this.participant;
    // SYNC: going to sleep. Counted and flagged before this looks; what changes the registry raises its epoch, then rings.
    sleep.begin(WANTS_FRAMES);
    const locked = lock.isHeld();
    const news = this.#changed || this.#watch.hasNews();
    if (!locked && !news) return 'asleep';
    sleep.end(WANTS_FRAMES);
    return news ? 'news' : 'locked';
  }

  wakeUp(): void {
    this.participant.sleep.end(WANTS_FRAMES);
  }

  /** Frees the publisher lock when its holder is proved dead. */
  recover(): void {
    const { lock } = this.participant;
    if (lock.takeOver()) lock.release();
  }

  async leave(): Promise<void> {
    this.participant.leave();
    await this.participant.memory.closed;
  }
}
