import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder } from '../support/workspace.js';
import { record, someAtATime } from './play.js';
import { recovering } from './recovering.js';
import { joinings, leaving, publishing, taking } from './scenarios.js';

const folder = temporaryFolder('matrix', '/dev/shm');

/** The steps that the protocol has: the members of the type. */
function allSteps(): string[] {
  const source = readFileSync(join(packageFolder('channel'), 'src', 'steps.ts'), 'utf8');
  return [...source.matchAll(/^ {2}\| '(.+)';?$/gm)].map(([, step]) => step as string);
}

it('every step of the protocol comes by in some scenario, and so is one to be killed at', async () => {
  const steps = new Set<string>();
  await someAtATime([...publishing, ...joinings, ...taking, ...leaving, ...recovering], async (scenario) => {
    for (const { step } of (await record(scenario, folder)).points()) steps.add(step);
  });
  expect([...steps].sort()).toEqual(allSteps().sort());
});
