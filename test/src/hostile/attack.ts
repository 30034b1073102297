// Attacks programs that use a channel, for so many seconds a scenario, on any version of Node, and tells what they met.
// The exit status is 1 when one of them ended otherwise than by itself.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runCommand, wholeNumber } from '@mmfbus/terminal';
import { uniqueName } from '../support/unique-name.js';
import { type ScribbleKind, Scribbler, segmentFile } from './scribbler.js';

const HELP = `Usage: node test/dist/hostile/attack.js [options]

Has programs publish, subscribe and join while their channel's memory is overwritten: by
publishers that wait for no subscriber, which is their right, and by a scribbler that writes
what an honest participant might have written.

  --seconds <n>  how long each of the scenarios takes; 5 unless told otherwise
  --node <file>  the Node that runs the programs; this one unless told otherwise
  --seed <n>     of the scribbler; 1 unless told otherwise
  --help         print this`;

interface Scenario {
  readonly what: string;
  readonly codec: 'shape' | 'msgpack' | 'json';
  readonly roles: readonly string[];
  /** What the scribbler changes; nothing where there is none. */
  readonly kinds: readonly ScribbleKind[];
}

const RING: readonly ScribbleKind[] = ['text', 'length', 'header', 'fragment', 'position', 'slot', 'name'];
const JOINING: readonly ScribbleKind[] = ['schema', 'geometry', 'name', 'slot', 'position'];

const scenarios: readonly Scenario[] = (['shape', 'msgpack', 'json'] as const).flatMap((codec) => [
  { what: `${codec}: publishers that never wait`, codec, roles: ['publish', 'subscribe'], kinds: [] },
  { what: `${codec}: a scribbler in the ring`, codec, roles: ['publish', 'subscribe'], kinds: RING },
  { what: `${codec}: a scribbler while joining`, codec, roles: ['publish', 'join'], kinds: JOINING },
]);

const PROGRAM = fileURLToPath(new URL('../programs/attacked.js', import.meta.url));
/** Milliseconds after which a program that was told to end hangs. */
const PATIENCE = 60_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

class Attacked {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #output = '';

  constructor(node: string, args: readonly string[]) {
    this.#child = spawn(node, [PROGRAM, ...args]);
    this.#ended = once(this.#child, 'close');
    this.#child.stdin.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it met; throws when it ended in another way than it should. */
  async stop(): Promise<string> {
    this.#child.stdin.end();
    const watchdog = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE);
    const [status, signal] = await this.#ended;
    clearTimeout(watchdog);
    if (status !== 0) {
      throw new Error(`ended with ${signal ?? `status ${status}`}\n${this.#output.slice(-4000)}`);
    }
    return /^done (.*)$/m.exec(this.#output)?.[1] ?? 'nothing';
  }
}

async function attack(scenario: Scenario, node: string, seconds: number, seed: number): Promise<boolean> {
  const name = uniqueName('attacked');
  const mode = scenario.kinds.length === 0 ? 'intact' : 'scribbled';
  const programs = scenario.roles.map((role) => ({
    role,
    program: new Attacked(node, [role, name, scenario.codec, mode]),
  }));
  const end = performance.now() + seconds * 1000;
  let scribbler: Scribbler | undefined;
  let changes = 0;
  while (performance.now() < end && !programs.some(({ program }) => program.hasEnded)) {
    await sleep(50);
    if (scenario.kinds.length === 0 || scribbler?.isRunning === true) continue;
    // The channel may be another one by now: what makes no sense is left, and made anew.
    scribbler = new Scribbler(segmentFile(name), { seed: seed + changes, seconds: 1, kinds: scenario.kinds });
    const made = await scribbler.ended.catch(() => ({}));
    changes += Object.values(made).reduce<number>((sum, count) => sum + count, 0);
  }
  print(`${scenario.what}${scenario.kinds.length === 0 ? '' : `, ${changes} changes`}`);
  let isWell = true;
  for (const { role, program } of programs) {
    try {
      print(`  ${role}: ${await program.stop()}`);
    } catch (error) {
      isWell = false;
      print(`  ${role} ${error instanceof Error ? error.message : error}`);
    }
  }
  return isWell;
}

const options = {
  seconds: { type: 'string', default: '5' },
  node: { type: 'string', default: process.execPath },
  seed: { type: 'string', default: '1' },
} as const;
await runCommand({ name: 'attack', help: HELP, options }, async ({ values }) => {
  const seconds = wholeNumber('--seconds', values.seconds, 1, 100_000);
  const seed = wholeNumber('--seed', values.seed, 0, 2 ** 31);
  let status = 0;
  for (const scenario of scenarios) {
    if (!(await attack(scenario, values.node, seconds, seed))) status = 1;
  }
  return status;
});
