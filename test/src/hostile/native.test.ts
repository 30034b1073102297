import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Channel, ChannelError, defineChannel, type Publisher } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { afterEach, describe, expect, test } from 'vitest';
import { compile } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { ownDirectory } from '../support/own-directory.js';
import { createRandom } from '../support/random.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';
import { Attacker } from './attacker.js';

const CHANGES = Number(process.env['MMFBUS_FUZZ_CHANGES'] ?? 100_000) / 10;
const SEED = Number(process.env['MMFBUS_FUZZ_SEED'] ?? randomInt(2 ** 30));
/** Changes between two looks at whether every process lives. */
const CHANGES_A_TURN = 5;
/** Turns between two locks that are taken out of the hands of those in whose name the attacker put them. */
const TURNS_A_LOCK = 10;
/** A channel whose header is worn out tests nothing: so there is a new one after so many changes. */
const CHANGES_A_CHANNEL = 500;
/** Milliseconds after which one that does not end hangs. */
const WATCHDOG = 600_000;

ownDirectory('hostile-native');

const running = new Set<{ kill(): void }>();
afterEach(() => {
  for (const program of running) program.kill();
});

/** A program in C that uses the channel until `stop`, which resolves with what it says at its end. */
class Victim {
  readonly #child;
  readonly #ended: Promise<number | null>;
  readonly ready: Promise<unknown>;
  output = '';
  isRunning = true;

  constructor(program: string, channel: string, seed: number) {
    this.#child = spawn(program, [channel, 'live', String(seed)]);
    const { stdout, stderr } = this.#child;
    for (const stream of [stdout, stderr]) stream.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      this.output += text;
    });
    stdout.on('data', (text: string) => {
      this.output += text;
    });
    this.#ended = once(this.#child, 'close').then(([status]) => {
      this.isRunning = false;
      return status as number | null;
    });
    this.ready = Promise.race([once(stdout, 'data'), this.#ended]);
    running.add(this);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    const status = await this.#ended;
    running.delete(this);
    expect(status, this.output).toBe(0);
  }
}

function publish(publisher: Publisher<Uint8Array>, message: Uint8Array): void {
  try {
    publisher.tryPublish(message);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
  }
}

async function settle(attacker: Attacker, promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    attacker.freeLock();
    await nextTurn();
  }
  await settled;
}

/** Node publishes into one channel and changes its memory, while a program in C that can receive there uses it. */
async function attack(program: string, channel: Channel<Uint8Array>, seed: number): Promise<void> {
  const random = createRandom(seed);
  const publisher = await channel.publisher({ slowSubscribers: 'disconnect' });
  const attacker = new Attacker(channel.name, random);
  const victim = new Victim(program, channel.name, seed);
  await victim.ready;
  for (let changes = 0; changes < CHANGES_A_CHANNEL && victim.isRunning; ) {
    for (let count = 0; count < CHANGES_A_TURN; count++) publish(publisher, new Uint8Array(random(900)));
    for (let count = 0; count < CHANGES_A_TURN; count++) attacker.mutate();
    changes += CHANGES_A_TURN;
    if ((changes / CHANGES_A_TURN) % TURNS_A_LOCK === 0) attacker.freeLock();
    await nextTurn();
  }
  await victim.stop();
  await settle(attacker, publisher.close());
  attacker.close();
}

describe('a program in C on a channel whose memory any process changes', () => {
  test(
    `never reads or writes outside of it, crashes or hangs, with the seed ${SEED}`,
    async () => {
      const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
      const source = join(workspaceRoot, 'test', 'native', 'hostile.c');
      const program = compile('hostile', [source], [include, '-pthread', ...SANITIZERS]);
      for (let seed = SEED; seed < SEED + CHANGES / CHANGES_A_CHANNEL; seed++) {
        const name = uniqueName('native');
        const channel = defineChannel({
          name,
          codec: raw(),
          capacity: 4096,
          maxMessage: 100_000,
          maxParticipants: 8,
        });
        await attack(program, channel, seed);
      }
    },
    WATCHDOG,
  );
});
