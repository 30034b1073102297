import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { decoded } from '../codec/encoded.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { chosenSamples } from './chosen-samples.js';
import { echo } from './echo.js';
import { agree } from './judge.js';
import { changedMessages, codeOf, type Message, messagesOf, randomSamples, SEED } from './samples.js';

const SHAPES = 200;
const ROUNDS = 100;

describe.each([
  ['random', randomSamples(SHAPES)],
  ['chosen', chosenSamples()],
] as const)('generated Python for %s shapes', (_, samples) => {
  const folder = temporaryFolder('generated-python');
  const peer = join(workspaceRoot, 'test', 'python', 'generated_peer.py');
  const path = [folder, join(workspaceRoot, 'packages', 'native', 'python')].join(':');
  const ask = (messages: readonly Message[]) =>
    echo([commandOf('msgpack for Python'), peer], messages, {
      PYTHONPATH: path,
      PYTHONDONTWRITEBYTECODE: '1',
    });

  beforeAll(() => {
    for (const sample of samples) writeFileSync(join(folder, `${sample.name}.py`), codeOf(sample, 'python'));
  });

  test('reads what Node wrote, and Node reads what it made of that', () => {
    const messages = messagesOf(samples);
    const answers = ask(messages);
    for (const [index, { sample, value }] of messages.entries()) {
      const where = `seed ${SEED}, ${sample.name}, ${sample.codec.schema.text}`;
      const answer = answers[index]!;
      assert.ok('bytes' in answer, `${where}: ${JSON.stringify(answer)}`);
      assert.deepStrictEqual(decoded(sample.codec, answer.bytes), value, where);
    }
  });

  test(`refuses of ${samples.length * ROUNDS} changed messages those that Node refuses, and reads the others alike`, () => {
    const messages = changedMessages(samples, ROUNDS);
    const answers = ask(messages);
    const accepted = messages.filter((message, index) => {
      const answer = answers[index]!;
      const isRead = 'bytes' in answer || !answer.refused.startsWith('msgpack: ');
      // How deep a value is that is passed over, is the business of the package msgpack.
      return isRead && agree(message, answer, 'nested too deep');
    });
    expect(accepted.length).toBeGreaterThan(messages.length / 100);
  });
});
