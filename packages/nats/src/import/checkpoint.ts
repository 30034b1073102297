import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { timers } from '@mmfbus/core/internal';
import type { Lane } from './lane.js';

const VERSION = 1;
/** Incarnations that are kept, those seen last. */
const MOST_LANES = 4096;
/** Milliseconds between two writings, at least: what is not written down is found in the ring. */
const PAUSE = 20;

/** How far an import is. */
export interface Progress {
  /** When the stream was created, as the server says: another one of that name is another stream. */
  readonly created: string;
  /** Number in the stream of the last message that was taken; 0 for none. */
  readonly sequence: number;
  /** When the server stored that message, milliseconds since 1970; missing where that is not known. */
  readonly time?: number | undefined;
}

interface Content extends Progress {
  readonly version: number;
  /** Pairs of an incarnation and its last number; -1 for a channel of this machine. */
  readonly lanes: readonly (readonly [incarnation: string, last: number])[];
}

/** A file that says how far an import is. It is written while messages are taken, and says what is surely in the ring. */
export class Checkpoint {
  readonly #path: string;
  readonly #onError: (error: Error) => void;
  #next: (() => Content) | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    folder: string,
    stream: string,
    filter: string,
    channel: string,
    onError: (error: Error) => void,
  ) {
    const hash = createHash('sha256').update(`${stream}\n${filter}\n${channel}`).digest('hex').slice(0, 12);
    this.#path = join(folder, `import-${stream.replaceAll(/[^A-Za-z0-9_-]/g, '_')}-${hash}.json`);
    this.#onError = onError;
  }

  /**
   * Reads it.
   *
   * @returns undefined where there is none.
   * @throws where it cannot be read, or holds something else.
   */
  async read(lanes: Map<string, Lane>): Promise<Progress | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const content = parse(text);
    if (content === undefined)
      throw new Error(`${this.#path} is no checkpoint; without the file, the import begins anew`);
    for (const [incarnation, last] of content.lanes) {
      lanes.set(incarnation, { last: Math.max(0, last), isOwn: last < 0 });
    }
    return { created: content.created, sequence: content.sequence, time: content.time };
  }

  /** Has it written soon: as it is when the writing before has ended. */
  note(progress: () => Progress, lanes: ReadonlyMap<string, Lane>): void {
    this.#next = () => ({ version: VERSION, ...progress(), lanes: listOf(lanes) });
    this.#writing ??= this.#write();
  }

  /** Settles when everything that was noted is in the file. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    for (;;) {
      await timers.sleep(PAUSE);
      const next = this.#next;
      if (next === undefined) break;
      this.#next = undefined;
      try {
        await this.#replace(`${JSON.stringify(next())}\n`);
      } catch (error) {
        this.#onError(error as Error);
      }
    }
    this.#writing = undefined;
  }

  /** A reader sees the old file or the new one, never a part. */
  async #replace(text: string): Promise<void> {
    const draft = `${this.#path}.new`;
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(draft, 'w', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(join(this.#path, '..'), { recursive: true, mode: 0o700 });
      file = await open(draft, 'w', 0o600);
    }
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(draft, this.#path);
  }
}

function listOf(lanes: ReadonlyMap<string, Lane>): Content['lanes'] {
  return [...lanes]
    .slice(-MOST_LANES)
    .map(([incarnation, { last, isOwn }]) => [incarnation, isOwn ? -1 : last]);
}

function parse(text: string): Content | undefined {
  let content: Content;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isRight =
    content?.version === VERSION &&
    typeof content.created === 'string' &&
    Number.isSafeInteger(content.sequence) &&
    (content.time === undefined || Number.isSafeInteger(content.time)) &&
    Array.isArray(content.lanes) &&
    content.lanes.every(
      (lane) => Array.isArray(lane) && /^[0-9a-f]{16}$/.test(lane[0]) && Number.isSafeInteger(lane[1]),
    );
  return isRight ? content : undefined;
}
