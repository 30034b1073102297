// Changes a channel's memory at random, while others use it. Arguments: the channel's name, the seed, how many changes.
import { Attacker } from '../hostile/attacker.js';
import { createRandom } from '../support/random.js';

/** Milliseconds between two changes, in which the others get on a bit. */
const PAUSE = 0.1;

const [name = '', seed, changes] = process.argv.slice(2);
const pause = new Int32Array(new SharedArrayBuffer(4));
const attacker = new Attacker(name, createRandom(Number(seed)));
for (let count = 0; count < Number(changes); count++) {
  attacker.mutate();
  Atomics.wait(pause, 0, 0, PAUSE);
}
attacker.close();
