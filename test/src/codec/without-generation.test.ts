import { expect, test } from 'vitest';
import { startProgram } from '../support/spawn.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
/** Shapes, and programs without one. */
const SHAPES = 150;

async function results(nodeArgs: readonly string[]): Promise<readonly string[]> {
  const args = [String(SEED), String(SHAPES)];
  const stdout = await startProgram('shape-results', { nodeArgs, args, watchdog: 110_000 }).success();
  return stdout.trimEnd().split('\n');
}

test('where code must not be generated, everything comes out the same', async () => {
  const generated = await results([]);
  const otherwise = await results(['--disallow-code-generation-from-strings']);
  expect([generated[0], otherwise[0]]).toEqual(['generated', 'not generated']);
  expect(otherwise).toHaveLength(1 + 2 * SHAPES);
  for (const [index, line] of otherwise.entries()) {
    if (index > 0)
      expect(line, `seed ${SEED}, shape or program ${(index - 1) % SHAPES}`).toBe(generated[index]);
  }
});
