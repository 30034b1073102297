import { describe, expect, it } from 'vitest';
import { killAtEachStep, type Scenario, stepsDiedAt, TIMEOUT } from './play.js';
import { recovering } from './recovering.js';
import { joinings, leaving, publishing, taking } from './scenarios.js';
import { folderForPlays } from './stage.js';
import { allSteps } from './steps.js';

const folder = folderForPlays();

const killed = (scenario: Scenario) => killAtEachStep(scenario, folder, 'kill');

describe('a process that is killed at any of its steps', { timeout: TIMEOUT }, () => {
  describe('when it', () => {
    it.each(publishing)('$name', killed);
    it.each(joinings)('$name', killed);
    it.each(taking)('$name', killed);
    it.each(leaving)('$name', killed);
  });

  describe('when another process has just died, and it', () => {
    it.each(recovering)('$name', killed);
  });

  it('dies at every step that the protocol has', () => {
    expect(stepsDiedAt()).toEqual(allSteps('channel'));
  });
});

describe('a process that is stuck at any of its steps while others try, and then killed', {
  timeout: TIMEOUT,
}, () => {
  it.each(recovering.filter(({ isHard }) => isHard))('when it $name after a death', async (scenario) => {
    await killAtEachStep(scenario, folder, 'stall');
  });
});
