import { expect, it } from 'vitest';
import { outputPattern } from '../../docs/code-blocks.js';
import { ownDirectory } from '../../support/own-directory.js';
import { COMPILED, exampleOf, exampleRunner } from '../shelf.js';

ownDirectory('compiled');

const run = exampleRunner();

it.each(COMPILED)('%s prints what its README says', async (name) => {
  const example = exampleOf(name);
  expect((await run(example).success()).trim()).toMatch(outputPattern(example.output));
});
