import { setMaxListeners } from 'node:events';
import type { Codec } from '@mmfbus/codec';
import { type PortAddress, probeLife, sweepPorts, timers } from '@mmfbus/core/internal';
import { type ChannelDefinition, definePattern } from '../format/definition.js';
import { ENTRY_LENGTH } from '../format/directory-layout.js';
import { MAX_PARTICIPANTS, STATE_PUBLISHER } from '../format/participant-layout.js';
import { PATTERN_DIRECTORY } from '../format/patterns.js';
import { monotonicNow } from '../foundation/clock.js';
import { unlessAborted, withSignals } from '../foundation/deadline.js';
import { ChannelError } from '../foundation/errors.js';
import { type ChannelMemory, openChannelMemory } from '../membership/channel-memory.js';
import { describeLockHolder } from '../membership/lock-holder.js';
import { namedPorts } from '../membership/named-ports.js';
import { Participant } from '../membership/participant.js';
import { ReliableCursors } from '../membership/reliable-cursors.js';
import { RingReader } from '../ring/ring-reader.js';
import { RingWriter } from '../ring/ring-writer.js';
import type { End, ParticipantInfo } from './channel-info.js';
import { DirectoryEntries } from './directory-entries.js';
import { reportDirectoryFailure } from './directory-failure.js';
import { directoryCodec, encodeNotice, type Notice } from './directory-notice.js';
import type { DirectoryPlace } from './directory-place.js';
import {
  aliveIf,
  type Inspection,
  inspectChannel,
  isOccupied,
  type Probe,
  rememberingProbe,
} from './inspection.js';
import { programName } from './program-name.js';
import { isTurnSpent } from './turns.js';

const ENTRIES = 2048;
const CAPACITY: number = 64 * 1024;
/** Between two tries to take a lock that a living holder keeps. */
const RETRY_MS = 5;
/** Ends of life lines that are remembered, until probing proves the same. */
const MOST_ENDED = 1024;

/** A directory as a channel: a segment of the same format, with entries before its ring. */
export function directoryDefinition({
  scope,
  name,
  mode,
  group,
}: DirectoryPlace): ChannelDefinition<Uint8Array> {
  return definePattern({
    name,
    pattern: PATTERN_DIRECTORY,
    codec: directoryCodec as Codec<unknown>,
    capacity: CAPACITY,
    maxParticipants: MAX_PARTICIPANTS,
    scope,
    mode,
    group,
  });
}

/**
 * A directory, as this thread has joined it: as one of its publishers, so that each process that watches it
 * hears of this thread's death, and with it of the end of channels.
 */
export class Directory {
  readonly place: DirectoryPlace;
  readonly #participant: Participant;
  readonly #entries: DirectoryEntries;
  readonly #writer: RingWriter;
  /** Only a watcher needs one. */
  #reader: RingReader | undefined;
  /** Ports whose life line has ended; for a moment after that their owners may still seem to live. */
  readonly #ended = new Set<bigint>();
  readonly #watchers = new Set<() => void>();
  readonly #closing = new AbortController();
  /** A look at all channels that makes room in a full directory, for all who wait for that. */
  #cleaning: Promise<unknown> | undefined;

  /**
   * @param onMemory is given its memory before it waits for anything.
   * @throws {@link ChannelError} and `MmfError`, as joining a channel does; the signal's reason when it aborts.
   */
  static async open(
    place: DirectoryPlace,
    signal: AbortSignal,
    onMemory: (memory: ChannelMemory) => void,
  ): Promise<Directory> {
    const room = ENTRIES * ENTRY_LENGTH;
    const memory = await openChannelMemory(directoryDefinition(place), 'open-or-create', signal, room);
    onMemory(memory);
    return Participant.join(memory, programName(), signal, (participant) => {
      participant.activate(STATE_PUBLISHER);
      return new Directory(place, participant);
    });
  }

  private constructor(place: DirectoryPlace, participant: Participant) {
    this.place = place;
    // Any number of looks may listen.
    setMaxListeners(0, this.#closing.signal);
    this.#participant = participant;
    this.#entries = new DirectoryEntries(participant.memory);
    this.#writer = new RingWriter(
      participant.memory,
      participant.slot,
      new ReliableCursors(participant.table),
    );
    participant.ending.add(() => this.#closing.abort());
    participant.died.add((nonce) => {
      if (this.#ended.size >= MOST_ENDED) this.#ended.clear();
      this.#ended.add(nonce);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /**
   * Lists a channel that this thread has joined, and tells the watchers.
   *
   * @throws {@link ChannelError} `TOO_MANY_CHANNELS` or `CORRUPTED`; the signal's reason when it aborts.
   */
  async enter(channel: string, signal: AbortSignal): Promise<void> {
    if (await this.#tryEnter(channel, signal)) return;
    this.#cleaning ??= this.list(this.#closing.signal).finally(() => {
      this.#cleaning = undefined;
    });
    await unlessAborted(this.#cleaning, signal);
    if (await this.#tryEnter(channel, signal)) return;
    throw new ChannelError(
      'TOO_MANY_CHANNELS',
      channel,
      `all of the directory's ${this.#entries.count} entries are taken`,
    );
  }

  /** False when the directory is full. */
  async #tryEnter(channel: string, signal: AbortSignal): Promise<boolean> {
    await this.#participant.lock.acquire([signal, this.#closing.signal]);
    return this.#locked(() => {
      const outcome = this.#entries.add(channel);
      if (outcome !== 'full') this.#tell({ kind: outcome === 'added' ? 'opened' : 'changed', channel });
      return outcome !== 'full';
    });
  }

  /**
   * Tells the watchers that a participant of this thread has left the channel, and takes the channel off the list when
   * its last participant has left. Without waiting: false when a living holder keeps the lock, and nothing was done.
   *
   * @param last says that it may have been the last one.
   */
  tryLeave(channel: string, last: boolean): boolean {
    if (this.#isClosed()) return true;
    if (!this.#participant.lock.spin()) return false;
    this.#locked(() => this.#leave(channel, last));
    return true;
  }

  /** As {@link Directory.tryLeave}, as soon as the lock is free. Does not keep the process alive for that. */
  async leave(channel: string, last: boolean): Promise<void> {
    while (!this.tryLeave(channel, last)) await timers.sleep(RETRY_MS, { ref: false });
  }

  #leave(channel: string, last: boolean): void {
    if (last && !isOccupied(channel, this.place, this.probe)) {
      if (this.#entries.remove(channel)) this.#tell({ kind: 'closed', channel });
    } else {
      this.#tell({ kind: 'changed', channel });
    }
  }

  /**
   * Looks into a channel; undefined when it has no participant.
   *
   * @throws {@link ChannelError} and `MmfError` when it cannot be looked at; the signal's reason when it aborts.
   */
  inspect(channel: string, signal: AbortSignal, probe: Probe = this.probe): Promise<Inspection | undefined> {
    return inspectChannel(channel, this.place, probe, signal);
  }

  /**
   * Looks into all channels, and takes those off the list that have no participant.
   *
   * @throws {@link ChannelError} `CLOSED` or `CORRUPTED`; the signal's reason when it aborts.
   */
  list(signal: AbortSignal): Promise<Map<string, Inspection | 'failed'>> {
    return withSignals([signal, this.#closing.signal], (either) => this.#list(either));
  }

  async #list(signal: AbortSignal): Promise<Map<string, Inspection | 'failed'>> {
    const probe = rememberingProbe(this.probe);
    const found = new Map<string, Inspection | 'failed'>();
    let struck = false;
    for (const channel of this.#entries.names()) {
      if (isTurnSpent()) await timers.nextTurn({ signal });
      const inspection = await this.tryInspect(channel, signal, probe);
      if (inspection !== undefined) found.set(channel, inspection);
      else struck = (await this.#strike(channel, signal)) || struck;
      signal.throwIfAborted();
    }
    // They named the ports of the dead, whose memory the operating system gave back without looking.
    if (struck) void sweepPorts(namedPorts);
    return found;
  }

  /** As {@link Directory.inspect}; `failed` when the channel cannot be looked at, which is reported. */
  async tryInspect(
    channel: string,
    signal: AbortSignal,
    probe: Probe = this.probe,
  ): Promise<Inspection | 'failed' | undefined> {
    try {
      return await this.inspect(channel, signal, probe);
    } catch (error) {
      signal.throwIfAborted();
      reportDirectoryFailure(this.place.scope, channel, error);
      return 'failed';
    }
  }

  /** What keeps the directory's lock from the participants that wait for it, for an error. */
  describeObstacle(): string {
    return describeLockHolder(this.#participant.memory);
  }

  /** What is known now of the owner of a port. */
  isAlive(address: PortAddress): ParticipantInfo['alive'] {
    return aliveIf(this.probe(address));
  }

  /**
   * How a participant ended whose channel has ended as well. Its thread has left the directory after all its channels, or it is there still,
   * or it died there.
   */
  endOf(address: PortAddress): End {
    const alive = this.isAlive(address);
    if (alive === true) return 'left';
    const { table } = this.#participant;
    const used = table.used();
    for (let slot = 0; slot < used; slot++) {
      if (!table.isIdentifiedBy(slot, address.nonce)) continue;
      const last = table.lastEndOf(slot);
      if (last?.generation === table.generationOf(slot)) return last.how;
      if (alive === false && table.isOwnedBy(slot, address.nonce)) return 'died';
    }
    return 'unknown';
  }

  /** Takes the channel off the list, unless a participant has joined it since. Returns whether it did. */
  async #strike(channel: string, signal: AbortSignal): Promise<boolean> {
    await this.#participant.lock.acquire([signal]);
    return this.#locked(() => {
      if (this.#mayBeOccupied(channel) || !this.#entries.remove(channel)) return false;
      this.#tell({ kind: 'closed', channel });
      return true;
    });
  }

  #mayBeOccupied(channel: string): boolean {
    try {
      return isOccupied(channel, this.place, this.probe);
    } catch {
      // The next look reports it.
      return true;
    }
  }

  /**
   * Number of the last notice that was given; 0 once it is closed.
   *
   * @throws {@link ChannelError} `CORRUPTED`.
   */
  lastNotice(): number {
    if (this.#isClosed()) return 0;
    this.#reader ??= new RingReader(this.#participant.memory);
    if (this.#reader.seekTail() === 'done') return this.#reader.sequence - 1;
    throw new ChannelError('CORRUPTED', this.place.name, this.#reader.problem);
  }

  /**
   * Hears when a thread has died that had channels open.
   *
   * @returns ends that.
   */
  watchDeaths(onDeath: () => void): () => void {
    const watcher = () => onDeath();
    this.#watchers.add(watcher);
    this.watchNewcomers();
    return () => {
      if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#participant.stopWatching();
    };
  }

  /** Has those watched over as well who have come since. */
  watchNewcomers(): void {
    if (!this.#isClosed()) this.#participant.watchOver(STATE_PUBLISHER);
  }

  /** Leaves the directory. A second call does nothing. */
  close(): void {
    this.#closing.abort(new ChannelError('CLOSED', this.place.name, 'the directory is closed'));
    this.#participant.leave();
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Asks whether the owner of a port lives. */
  readonly probe: Probe = (address) => (this.#ended.has(address.nonce) ? 'dead' : probeLife(address));

  /** Does something with the lock, which was taken, and gives it back. Nothing in it may wait. */
  #locked<R>(action: () => R): R {
    try {
      return action();
    } finally {
      this.#participant.lock.release();
    }
  }

  /** With the lock held. */
  #tell(notice: Notice): void {
    const bytes = encodeNotice(notice);
    const writer = this.#writer;
    writer.begin();
    // Watchers never hold publishers back; one that does so all the same must look at the entries.
    if (writer.reserve(writer.sizeOf(bytes.length))) {
      writer.writeMessage(bytes, bytes.length, monotonicNow());
      writer.commit();
    }
    this.#participant.ringForFrames();
  }
}
