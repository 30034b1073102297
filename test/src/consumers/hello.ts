// The hello world of the package's README: two programs, as a user copies them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { codeBlocks, outputPattern } from '../docs/code-blocks.js';
import { type StartOptions, startNode } from '../support/spawn.js';
import { packageFolder } from '../support/workspace.js';

const [subscriber, publisher] = codeBlocks(readFileSync(join(packageFolder('mmfbus'), 'README.md'), 'utf8'));

/**
 * Writes both programs into a project, runs them at the same time, and compares what they print.
 *
 * @param options what runs them; Node, unless it says otherwise.
 */
export async function expectHello(project: string, options: StartOptions = {}): Promise<void> {
  const programs = [
    { name: 'subscriber.mjs', block: subscriber },
    { name: 'publisher.mjs', block: publisher },
  ].map(({ name, block }) => {
    const file = join(project, name);
    writeFileSync(file, block?.code ?? '');
    return startNode(file, { ...options, cwd: project });
  });
  const output = await Promise.all(programs.map((program) => program.success()));
  expect(output.join('').trim()).toMatch(outputPattern(publisher?.expected ?? ''));
}
