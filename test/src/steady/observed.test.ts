// What observers cost a publisher: nothing that can be counted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openBus } from '@mmfbus/channel';
import { expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startProgram } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { callsBetween, OF_THE_ENGINE } from './system-calls.js';

ownDirectory('observed');
const folder = temporaryFolder('observed-strace');

const OBSERVERS = 10;

async function publishes(program: Program, stage: string): Promise<unknown> {
  program.send(stage);
  const [line] = await program.waitForLine(/^\{.*\}$/);
  return JSON.parse(line);
}

it.runIf(process.platform === 'linux')(
  `a publisher does not do one more atomic operation or system call with ${OBSERVERS} observers than with none`,
  async () => {
    const file = join(folder, 'calls');
    const name = uniqueName('observed');
    const within = [commandOf('strace'), '-qq', '-o', file];
    const program = startProgram('watched-publisher', { within, args: [name] });
    await program.waitForLine(/^ready$/);
    const alone = await publishes(program, 'alone');

    const bus = await openBus();
    const observers = Array.from({ length: OBSERVERS }, () => bus.observe(name));
    const seen = observers.map(() => 0);
    let isDone = false;
    const looking = (async () => {
      while (!isDone) {
        for (const [index, observer] of observers.entries())
          seen[index] = (seen[index] ?? 0) + observer.poll().length;
        await nextTurn();
      }
    })();
    const observed = await publishes(program, 'observed');
    isDone = true;
    await looking;
    for (const observer of observers) expect(observer.poll().length + (seen.shift() ?? 0)).toBeGreaterThan(0);
    await bus.close();
    program.endInput();
    await program.success();

    expect(observed).toEqual(alone);
    expect(alone).toMatchObject({ calls: 0, atomics: expect.any(Number) });
    const calls = readFileSync(file, 'utf8').split('\n');
    for (const stage of ['alone', 'observed']) {
      expect(callsBetween(calls, stage).filter((call) => !OF_THE_ENGINE.test(call))).toEqual([]);
    }
  },
);
