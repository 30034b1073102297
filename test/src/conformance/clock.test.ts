import { defineChannel, monotonicNow } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { expect, test } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { Agent } from './agent.js';
import { languageOf } from './agents.js';

const directory = ownDirectory('clock');
const LANGUAGES = process.platform === 'win32' ? ['node', 'c'] : ['node', 'c', 'python', 'rust'];
/** Nanoseconds that a timestamp may be off: not each message needs a look at the clock. */
const SLACK = 1e6;

// The deadlines of calls depend on it as well.
test.each(LANGUAGES)('%s has the clock of all processes of the machine', async (language) => {
  const name = uniqueName('clock');
  await using subscriber = await defineChannel({ name, codec: raw(), capacity: 4096 }).subscriber();
  const agent = new Agent(languageOf(language), directory);
  try {
    await agent.ask(`publisher ${name} capacity=4096`);
    const before = monotonicNow();
    await agent.ask('publish 0 8 1');
    const after = monotonicNow();
    for await (const { timestamp } of subscriber) {
      expect(timestamp).toBeGreaterThan(before - SLACK);
      expect(timestamp).toBeLessThan(after + SLACK);
      break;
    }
    await agent.exit();
  } finally {
    await agent.kill();
  }
});
