import { callAlone, type NamesWatch, type PortLease, timers, watchNames } from '@mmfbus/core/internal';
import { diagnostics, tellSoon } from '../foundation/diagnostics.js';
import { ChannelError } from '../foundation/errors.js';
import type { ChannelMemory } from './channel-memory.js';

/** A participant that cannot be rung looks for news itself, each so many milliseconds. */
const LOOK_MS = 50;

/**
 * Notices when the names are gone under which others find a participant, as some cleaners of `/dev/shm` remove them. From
 * then on it is called as if it were rung, again and again.
 */
export class NamesGuard {
  readonly #memory: ChannelMemory;
  readonly #port: PortLease;
  readonly #slot: number;
  readonly #watch: NamesWatch;
  readonly #look: () => void;
  readonly #onRemoved: (error: ChannelError) => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param look is what being rung does.
   * @param onRemoved is told once.
   */
  constructor(
    memory: ChannelMemory,
    port: PortLease,
    slot: number,
    look: () => void,
    onRemoved: (error: ChannelError) => void,
  ) {
    this.#memory = memory;
    this.#port = port;
    this.#slot = slot;
    this.#look = look;
    this.#onRemoved = onRemoved;
    this.#watch = watchNames(
      () => port.isNamed() && memory.isNamed(),
      () => this.#tell(),
    );
  }

  /** Looks now: the names of another participant are gone. */
  doubt(): void {
    this.#watch.look();
  }

  close(): void {
    this.#watch.close();
    timers.clearTimeout(this.#timer);
  }

  #tell(): void {
    const { name } = this.#memory;
    const unreachable = !this.#port.isNamed();
    if (unreachable) this.#lookAgainLater();
    tellSoon(diagnostics.namesRemoved, { channel: name, slot: this.#slot });
    const what = unreachable
      ? `the bell of this process was removed, so that others cannot wake it: it looks each ${LOOK_MS} ms instead`
      : 'its memory was removed: who joins from now on gets another channel of that name';
    this.#onRemoved(new ChannelError('NAMES_REMOVED', name, what));
  }

  /** Where something else keeps the process alive; the port does it for who waits to be rung. */
  #lookAgainLater(): void {
    this.#timer = timers.setTimeout(() => {
      this.#lookAgainLater();
      callAlone(this.#look);
    }, LOOK_MS);
    this.#timer.unref();
  }
}
