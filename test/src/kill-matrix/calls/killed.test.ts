import { describe, expect, it } from 'vitest';
import { TIMEOUT } from '../play.js';
import { folderForPlays } from '../stage.js';
import { allSteps } from '../steps.js';
import { killAtEachStep, stepsDiedAt } from './play.js';
import { clients, servers } from './scenarios.js';

const folder = folderForPlays();
const isWindows = process.platform === 'win32';

describe('a process that is killed at any of its steps', { timeout: TIMEOUT }, () => {
  describe('when it is a server, which', () => {
    it.each(servers.filter(({ isPosix }) => !(isWindows && isPosix === true)))('$name', (scenario) =>
      killAtEachStep(scenario, folder, 'server'),
    );
  });

  describe('when it is a client, which', () => {
    it.each(clients)('$name', (scenario) => killAtEachStep(scenario, folder, 'client'));
  });

  it('dies at every step that calls have', () => {
    const died = stepsDiedAt();
    const outlived = allSteps('service').filter((step) => !died.includes(step));
    // No client is refused where descriptors cannot be used up.
    expect(outlived).toEqual(isWindows ? ['server: refused'] : []);
  });
});
