// Joins channels one after the other, and tells of each what was done with files until the process was quiet again, as JSON:
// how many files were opened, and the most steps in one turn of the event loop. Arguments: the channels.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { defineChannel, type Publisher } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';

const QUIET_TURNS = 5;

let steps = 0;
let opened = 0;

/** Counts its calls; each is as many steps as `size` says. */
function count(owner: object, name: string, size: (result: unknown) => number = () => 1): void {
  const real = Reflect.get(owner, name);
  const counting = function (this: unknown, ...args: unknown[]): unknown {
    const result = Reflect.apply(real, this, args);
    steps += size(result);
    if (name === 'openSync') opened++;
    return result;
  };
  Reflect.set(owner, name, counting);
}

count(fs, 'lstatSync');
count(fs, 'openSync');
count(fs, 'unlinkSync');
count(fs, 'readdirSync', (names) => (names as unknown[]).length);
count(fs.Dir.prototype, 'readSync');
syncBuiltinESMExports();

// A call that looks at this clock finds that time is up: so a turn does what it does on any machine, and no more.
let clock = timers.now();
Object.assign(timers, { now: () => (clock += 100) });

const publishers: Publisher<number>[] = [];
for (const name of process.argv.slice(2)) {
  [steps, opened] = [0, 0];
  let most = 0;
  publishers.push(await defineChannel<number>({ name, capacity: 4096 }).publisher());
  for (let quiet = 0; quiet < QUIET_TURNS; ) {
    await nextTurn();
    quiet = steps === 0 ? quiet + 1 : 0;
    most = Math.max(most, steps);
    steps = 0;
  }
  process.stdout.write(`${JSON.stringify({ most, opened })}\n`);
}
for (const publisher of publishers) await publisher.close();
