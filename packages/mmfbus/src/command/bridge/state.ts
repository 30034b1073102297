import { type Bus, ChannelError, type ChannelInfo, defineChannel, type Publisher } from '@mmfbus/channel';
import { array, boolean, f64, string, struct } from '@mmfbus/codec';
import { timers } from '@mmfbus/core/internal';
import type { Bridge } from '@mmfbus/nats';
import type { BridgeRow } from '../../ui/protocol.js';

/** What the names of the channels begin with on which bridges tell how they are. Bridges do not export them. */
const CHANNEL = 'mmfbus.bridge.';
/** Milliseconds between two looks of a bridge at itself. It publishes where something differs. */
const PERIOD = 500;
const CAPACITY: number = 2 ** 20;
/** Passages that are told of, so that a state fits into half of the ring. */
const MOST_PASSAGES = 256;
/** Bytes of the longest state. */
const MAX_STATE = 200_000;

const passage = struct({
  direction: string(),
  kind: string(),
  channel: string(),
  subject: string(),
  messages: f64(),
  bytes: f64(),
  gaps: f64(),
  missed: f64(),
  refused: f64(),
  lag: f64(),
});

const state = struct({
  server: string(),
  connected: boolean(),
  /** How often the connection was lost. */
  lost: f64(),
  passages: array(passage),
});

/** How a bridge is. */
export type BridgeState = Pick<BridgeRow, 'server' | 'connected' | 'lost' | 'passages'>;

/** A bridge that runs, as other programs see it. */
export type BridgeSeen = BridgeState & Pick<BridgeRow, 'pid' | 'name'>;

/** Tells other programs how the bridge of this process is, on a channel of its own. */
export class BridgeTeller {
  readonly #publisher: Publisher<BridgeState>;
  readonly #server: string;
  readonly #look: () => Bridge;
  #lost = 0;
  #isConnected = true;
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  private constructor(publisher: Publisher<BridgeState>, server: string, look: () => Bridge) {
    this.#publisher = publisher;
    this.#server = server;
    this.#look = look;
    this.#tell();
  }

  /**
   * @param server that it is connected to, for people.
   * @param look gives the bridge, which may be another one after its file was read again.
   */
  static async open(
    { scope, name, server }: { scope: 'user' | 'machine'; name: string; server: string },
    look: () => Bridge,
  ): Promise<BridgeTeller> {
    const channel = defineChannel({
      name: `${CHANNEL}${process.pid}`,
      schema: state,
      scope,
      capacity: CAPACITY,
      maxMessage: MAX_STATE,
      history: 1,
    });
    return new BridgeTeller(await channel.publisher({ name }), server, look);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The connection is lost, or there again. */
  changed(isConnected: boolean): void {
    if (this.#isConnected && !isConnected) this.#lost++;
    this.#isConnected = isConnected;
    timers.clearTimeout(this.#timer);
    this.#tell();
  }

  async close(): Promise<void> {
    timers.clearTimeout(this.#timer);
    await this.#publisher.close();
  }

  #tell(): void {
    const passages = this.#look()
      .passages()
      .slice(0, MOST_PASSAGES)
      .map(({ repeats: _, own: __, absent: ___, ...told }) => told);
    const now = { server: this.#server, connected: this.#isConnected, lost: this.#lost, passages };
    const text = JSON.stringify(now);
    // Where the lock is taken just now, it is told at the next look.
    if (text !== this.#told && this.#publisher.tryPublish(now) === 'published') this.#told = text;
    this.#timer = timers.setTimeout(() => this.#tell(), PERIOD).unref();
  }
}

/** Whether a channel is one on which a bridge tells how it is. */
export function isOfBridge({ name }: Pick<ChannelInfo, 'name'>): boolean {
  return name.startsWith(CHANNEL);
}

/** The bridges that run, of those channels, without joining them. */
export function readBridges(bus: Bus, channels: readonly ChannelInfo[]): readonly BridgeSeen[] {
  return channels.filter(isOfBridge).flatMap(({ name: channel, participants }): BridgeSeen[] => {
    const teller = participants.find(({ role, alive }) => role === 'publisher' && alive !== false);
    if (teller === undefined) return [];
    const last = lastState(bus, channel);
    return last === undefined ? [] : [{ ...last, pid: teller.pid, name: teller.name }];
  });
}

/** Undefined where the bridge is gone meanwhile, or has another version. */
function lastState(bus: Bus, channel: string): BridgeState | undefined {
  try {
    const observer = bus.observe<BridgeState>(channel, { start: 'history' });
    try {
      return observer
        .poll()
        .reduce<BridgeState | undefined>(
          (last, one) => (one.kind === 'message' ? one.value : last),
          undefined,
        );
    } finally {
      observer[Symbol.dispose]();
    }
  } catch (error) {
    if (error instanceof ChannelError) return undefined;
    throw error;
  }
}

/** What a bridge carries in all. */
export function totalsOf({ passages }: BridgeState): {
  readonly messages: number;
  readonly gaps: number;
  readonly missed: number;
  readonly refused: number;
} {
  const sum = (count: (one: BridgeState['passages'][number]) => number) =>
    passages.reduce((total, one) => total + count(one), 0);
  return {
    messages: sum(({ messages }) => messages),
    gaps: sum(({ gaps }) => gaps),
    missed: sum(({ missed }) => missed),
    refused: sum(({ refused }) => refused),
  };
}
