import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Agent } from '../conformance/agent.js';
import { type Language, languageOf } from '../conformance/agents.js';
import { limitedTo } from '../conformance/run.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('starved');
const DESCRIPTORS = 100;
/** More than joining needs. */
const ENOUGH = 24;

/** What a process has open, and what it has mapped of the directory. */
function resourcesOf({ pid }: Agent): { descriptors: number; mappings: number } {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    mappings: maps.split('\n').filter((line) => line.includes(directory)).length,
  };
}

describe.runIf(process.platform === 'linux').each(['c', 'rust', 'python'])('joining in %s', (name) => {
  test.each(['publisher', 'subscriber'])(
    'as a %s leaves nothing where it fails for want of descriptors',
    async (role) => {
      const agent = new Agent(limitedTo(languageOf(name) as Language, DESCRIPTORS), directory);
      const channel = uniqueName('starved');
      const outcomes = new Set<string>();
      // What is opened once and kept is there after the first time.
      await agent.ask(`${role} ${channel} capacity=4096`);
      await agent.ask(`leave ${role}`);
      const before = resourcesOf(agent);
      for (let left = 0; left < ENOUGH; left++) {
        await agent.ask(`starve ${left}`);
        const joined = await agent.ask(`${role} ${channel} capacity=4096`).then(
          () => true,
          () => false,
        );
        if (joined) await agent.ask(`leave ${role}`);
        await agent.ask('feed');
        outcomes.add(joined ? 'joined' : 'failed');
        expect(readdirSync(directory), `with ${left} descriptors left`).toEqual([]);
        expect(resourcesOf(agent), `with ${left} descriptors left`).toEqual(before);
      }
      await agent.exit();
      expect([...outcomes]).toEqual(['failed', 'joined']);
    },
  );
});
