import { describe, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { killAtEachStep, TIMEOUT } from './play.js';
import { recovering } from './recovering.js';

const folder = temporaryFolder('matrix', '/dev/shm');

describe('killed at any step, one that', () => {
  it.each(recovering)('$name', { timeout: TIMEOUT }, async (scenario) => {
    await killAtEachStep(scenario, folder);
  });
});

describe('stuck at any step while others go on, then killed, one that', () => {
  it.each(recovering)('$name', { timeout: TIMEOUT }, async (scenario) => {
    await killAtEachStep(scenario, folder, 'stall');
  });
});
