// Uses channels while their memory is changed at random, until something happens that must not, or so many changes were
// made. Arguments: the seed, the number of changes, and `here` for changes by this thread between two calls, or `meanwhile`
// for changes by another process at any time. Prints a line at times, so that a hang is seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { World } from '../hostile/world.js';
import { createRandom } from '../support/random.js';

const CHANGES_A_WORLD = { here: 50, meanwhile: 500 };
const WORLDS_A_LINE = 20;
/** Bytes of buffers that may be allocated at any time. */
const MEMORY_LIMIT = 256 * 2 ** 20;
const ATTACKER = fileURLToPath(new URL('./attack-memory.js', import.meta.url));

const seed = Number(process.argv[2]);
const changes = Number(process.argv[3]);
const mode = process.argv[4] === 'meanwhile' ? 'meanwhile' : 'here';
const totals = { changes: 0, worlds: 0, taken: 0, warnings: 0, refusals: 0 };

async function attackHere(world: World, log: string[]): Promise<void> {
  for (let count = 0; count < CHANGES_A_WORLD.here; count++) {
    await world.step(() => log.push(world.mutate()));
  }
}

async function attackMeanwhile(world: World, name: string): Promise<void> {
  world.expectSpoiltRing();
  const args = [ATTACKER, name, String(seed + totals.worlds), String(CHANGES_A_WORLD.meanwhile)];
  const attacker = spawn(process.execPath, args, { stdio: 'inherit' });
  let attacks = true;
  const ended = once(attacker, 'exit').finally(() => {
    attacks = false;
  });
  while (attacks) {
    await world.step(() => {});
    await nextTurn();
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`the attacker ended with ${status}`);
}

async function run(name: string, log: string[]): Promise<void> {
  const world = await World.open(name, createRandom(seed + totals.worlds));
  await (mode === 'here' ? attackHere(world, log) : attackMeanwhile(world, name));
  await world.close();
  totals.taken += world.totals.taken;
  totals.warnings += world.totals.warnings;
  totals.refusals += world.totals.refusals;
}

while (totals.changes < changes) {
  const log: string[] = [];
  try {
    await run(`mmfbus-test-${process.pid}-hostile-${totals.worlds}`, log);
  } catch (error) {
    process.stdout.write(`seed ${seed + totals.worlds}:\n${log.slice(-10).join('\n')}\n`);
    throw error;
  }
  const { arrayBuffers } = process.memoryUsage();
  if (arrayBuffers > MEMORY_LIMIT) {
    throw new Error(`seed ${seed + totals.worlds}: ${arrayBuffers} bytes of buffers`);
  }
  totals.worlds++;
  totals.changes += CHANGES_A_WORLD[mode];
  if (totals.worlds % WORLDS_A_LINE === 0) process.stdout.write(`${totals.changes} changes\n`);
}
process.stdout.write(`done ${JSON.stringify(totals)}\n`);
