import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compile } from '../compat/native.js';
import { workspaceRoot } from '../support/workspace.js';

/** What a scribbler changes; `scribbler.c` says more. */
export type ScribbleKind =
  | 'text'
  | 'schema'
  | 'name'
  | 'length'
  | 'header'
  | 'fragment'
  | 'geometry'
  | 'position'
  | 'slot';

/** Options of a {@link Scribbler}. */
export interface ScribblerOptions {
  readonly seed: number;
  /** How many changes it makes at most. Defaults to any number. */
  readonly rounds?: number;
  /** Seconds after which it ends. Defaults to never. */
  readonly seconds?: number;
  /** Defaults to all. */
  readonly kinds?: readonly ScribbleKind[];
}

/** How often it changed what. */
export type ScribbleCounts = Readonly<Partial<Record<ScribbleKind, number>>>;

/** The file of a LOCAL channel in the directory of the tests. */
export function segmentFile(channel: string): string {
  return join(process.env['MMFBUS_DIRECTORY'] ?? '/dev/shm', `mmfbus.${process.geteuid?.()}.${channel}`);
}

/** A process that changes a channel's memory, valid for valid, as fast as it can. Linux only; it needs a C compiler. */
export class Scribbler {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Resolves at its end, with what it has done. Rejects when it failed. */
  readonly ended: Promise<ScribbleCounts>;
  /** Resolves when it has the memory and begins. */
  readonly ready: Promise<void>;
  /** False from its end on. */
  isRunning = true;

  /** @param file of the segment: see {@link segmentFile}. */
  constructor(file: string, { seed, rounds = 0, seconds = 0, kinds = [] }: ScribblerOptions) {
    const source = join(workspaceRoot, 'test', 'src', 'hostile', 'scribbler.c');
    const program = compile('scribbler', [source]);
    this.#child = spawn(program, [file, `${seed}`, `${rounds}`, `${seconds}`, ...kinds]);
    this.ended = this.#follow();
    this.ready = Promise.race([once(this.#child.stdout, 'data'), this.ended]).then(() => {});
    // A failure may come before anything waits for either.
    for (const promise of [this.ended, this.ready]) promise.catch(() => {});
  }

  /** Ends it, if it has not ended, and waits for that: see {@link ended}. */
  stop(): Promise<ScribbleCounts> {
    this.#child.stdin.end();
    return this.ended;
  }

  async #follow(): Promise<ScribbleCounts> {
    const { stdin, stdout, stderr } = this.#child;
    let output = '';
    // It may have ended by itself.
    stdin.on('error', () => {});
    for (const stream of [stdout, stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const [status, signal] = await once(this.#child, 'close');
    this.isRunning = false;
    if (status !== 0) throw new Error(`the scribbler ended with ${signal ?? `status ${status}`}\n${output}`);
    const counts = output.matchAll(/^(\w+) (\d+)$/gm);
    return Object.fromEntries([...counts].map(([, kind, count]) => [kind, Number(count)]));
  }
}
