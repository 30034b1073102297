import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { timers } from '../../timers.js';
import type { NamedPorts, PortAddress } from '../platform.js';
import { isBellDead, isLifeLineDead, unlinkPort } from './fifo.js';
import { directory, fileNames, isOwnName, nonceOf, portPath, sweepTemporaries } from './names.js';
import { readSegmentFile } from './segment-file.js';

/*
 * Ports are removed in slices between turns of the event loop, and never by who holds a lock: directories may hold any
 * number of files, of any user. A pass proves first which ports are dead, by their own files and only where these belong to
 * this user; then it reads each segment once. The dead that no segment names are removed.
 */

/** How long a slice may take, milliseconds, if it has looked at so many files by then: a busy machine gets on as well. */
const SLICE_MS = 2;
const SLICE_FILES = 256;
const CROWD = 1000;
/** The last threads of a dead process may hold its files a moment longer: pauses of 1, 2, 4 ... 64 ms. */
const FIRST_PAUSE_MS = 1;
const MOST_LOOKS = 8;

interface Removal {
  /** How often the port's files are looked at again. */
  looks: number;
}

/** Ports whose owners were proved dead, until a pass has come to its end that began after that. */
const wanted = new Map<bigint, Removal>();
let everything = false;
/** Whether the last sweep met so many files that the next port of this thread does without. */
let crowded = false;

class Sweep {
  readonly done: Promise<void>;
  #settle: () => void = () => {};
  readonly #named: NamedPorts;
  #pass: Generator<undefined, void> | undefined;
  #pause: number = FIRST_PAUSE_MS;
  #cancel: () => void = () => {};

  constructor(named: NamedPorts) {
    this.#named = named;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#goOnSoon();
  }

  /** Goes on for about so many milliseconds. */
  advance(milliseconds: number): void {
    this.#cancel();
    const deadline = timers.now() + milliseconds;
    for (let files = 1; this.#advancePass(); files++) {
      if (files < SLICE_FILES || timers.now() < deadline) continue;
      this.#goOnSoon();
      return;
    }
    if (wanted.size > 0 || everything) {
      const timer = timers.setTimeout(() => this.advance(SLICE_MS), this.#pause);
      this.#cancel = () => timers.clearTimeout(timer);
      this.#pause *= 2;
      return;
    }
    sweep = undefined;
    this.#settle();
  }

  /** In the next turn of the event loop, which has to wait for it: else what short processes leave would gather. */
  #goOnSoon(): void {
    const immediate = timers.setImmediate(() => this.advance(SLICE_MS));
    this.#cancel = () => timers.clearImmediate(immediate);
  }

  /** Whether there is more to do in this pass. */
  #advancePass(): boolean {
    this.#pass ??= pass(this.#named);
    if (this.#pass.next().done !== true) return true;
    this.#pass = undefined;
    return false;
  }
}

let sweep: Sweep | undefined;

/** See {@link Platform.removePort}. */
export function removePort({ nonce }: PortAddress, named: NamedPorts): Promise<void> {
  wanted.set(nonce, { looks: MOST_LOOKS });
  sweep ??= new Sweep(named);
  return sweep.done;
}

/** See {@link Platform.sweepPorts}; removes unfinished files as well. */
export async function sweepPorts(named: NamedPorts, unlessCrowded = false): Promise<void> {
  if (unlessCrowded && crowded) return;
  everything = true;
  sweep ??= new Sweep(named);
  const { done } = sweep;
  sweep.advance(SLICE_MS);
  await done;
}

/** See {@link Platform.advanceRemovals}. */
export async function advanceRemovals(milliseconds: number): Promise<void> {
  if (sweep === undefined || wanted.size === 0) return;
  const { done } = sweep;
  sweep.advance(milliseconds);
  await done;
}

function* pass(named: NamedPorts): Generator<undefined, void> {
  const dead = new Set<bigint>();
  if (everything) yield* findDead(dead);
  const settled = new Map<bigint, Removal>();
  for (const [nonce, removal] of wanted) {
    const state = lookAt(nonce, isFifo);
    if (state === 'dead') dead.add(nonce);
    // What a forked child keeps open is swept later.
    if (state !== 'held' || --removal.looks === 0) settled.set(nonce, removal);
    yield;
  }
  yield* removeUnnamed(dead, named);
  // It may have been asked for anew: a segment that named the port is gone by now.
  for (const [nonce, removal] of settled) if (wanted.get(nonce) === removal) wanted.delete(nonce);
}

/** Removes ports, but for those that a segment names. */
function* removeUnnamed(dead: Set<bigint>, named: NamedPorts): Generator<undefined, void> {
  if (dead.size === 0) return;
  try {
    // After the deaths were proved: the dead claim no slots any more.
    for (const fileName of fileNames()) {
      yield;
      if (isOwnName(fileName)) continue;
      // One that cannot be read now may name any of them.
      for (const nonce of readSegmentFile(join(directory(), fileName), named) ?? dead) dead.delete(nonce);
      if (dead.size === 0) return;
    }
  } catch {
    // So may a file in what cannot be read of the directory.
    return;
  }
  for (const nonce of dead) {
    unlinkPort(nonce);
    yield;
  }
}

/** Looks at everything that this user's ports, and files in the making, have left. */
function* findDead(dead: Set<bigint>): Generator<undefined, void> {
  everything = false;
  const seen = new Set<bigint>();
  let files = 0;
  try {
    for (const fileName of fileNames()) {
      yield;
      if (!isOwnName(fileName)) continue;
      files++;
      const nonce = nonceOf(fileName);
      if (nonce === undefined) {
        if (ownFile(join(directory(), fileName)) !== undefined) sweepTemporaries([fileName]);
      } else if (!seen.has(nonce)) {
        seen.add(nonce);
        if (lookAt(nonce, isOwnFifo) === 'dead') dead.add(nonce);
      }
    }
  } catch {
    // The directory cannot be read now: the next sweep finds them.
  }
  crowded = files > CROWD;
}

/** What the file is, where it is there and this user's. */
function ownFile(path: string): Stats | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.uid === (process.getuid?.() ?? 0) ? stat : undefined;
}

function isOwnFifo(path: string): boolean {
  return ownFile(path)?.isFIFO() === true;
}

/**
 * Of any user: who may open a port may read every segment that can name it, and so knows that none does. Where this user may not
 * remove it, as in a directory where users remove only what is theirs, it stays until a process of its owner sweeps.
 */
function isFifo(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

/** What the memory says of a process may be wrong, and no process can ring a port without its files: so these are asked. */
function lookAt(nonce: bigint, counts: (path: string) => boolean): 'dead' | 'held' | 'gone' {
  const [bell, life] = [portPath(nonce, 'bell'), portPath(nonce, 'life')];
  const [hasBell, hasLife] = [counts(bell), counts(life)];
  if (!hasBell && !hasLife) return 'gone';
  return (hasLife && isLifeLineDead(life)) || (hasBell && isBellDead(bell)) ? 'dead' : 'held';
}
