import { describe, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { killAtEachStep, TIMEOUT } from './play.js';
import { joinings, leaving, publishing, taking } from './scenarios.js';

const folder = temporaryFolder('matrix', '/dev/shm');

describe('killed at any step, one that', () => {
  it.each([...publishing, ...joinings, ...taking, ...leaving])(
    '$name',
    { timeout: TIMEOUT },
    async (scenario) => {
      await killAtEachStep(scenario, folder);
    },
  );
});
