import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outputPattern } from '../docs/code-blocks.js';
import { ownDirectory } from '../support/own-directory.js';
import { workspaceRoot } from '../support/workspace.js';
import { COMPILED, type Example, exampleRunner, examples, shelf } from './shelf.js';

/** Larger ones, which have tests of their own. */
const LARGER = ['flights', 'native', 'two-machines'];

/** What does not end by itself, or needs more than can be had here. The first two have tests of their own. */
const NOT_RUN = ['express-dashboard', 'docker-compose', 'electron'];

const MOST_CODE = 60;
const MOST_README = 15;

ownDirectory('shelf');

interface Manifest {
  readonly name: string;
  readonly private: boolean;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const all = [...examples.values()];
const small = all.filter(({ name }) => !LARGER.includes(name));
const run = exampleRunner();

function linesOf(text: string): number {
  return text.split('\n').filter((line) => line.trim() !== '').length;
}

function linesOfCode({ folder }: Example): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\/(?:node_modules|dist)(?:\/|$)/.test(entry.parentPath))
    .filter(({ name }) => !/\.(?:json|md)$/.test(name))
    .map((entry) => linesOf(readFileSync(join(entry.parentPath, entry.name), 'utf8')))
    .reduce((sum, lines) => sum + lines, 0);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

it('the table lists every folder, once', () => {
  const table = readFileSync(join(shelf, 'README.md'), 'utf8');
  const listed = [...table.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\) \|/gm)];
  expect(listed.map(([, name]) => name).toSorted()).toEqual(all.map(({ name }) => name).toSorted());
  expect(listed.map(([, , path]) => path)).toEqual(listed.map(([, name]) => `${name}/README.md`));
});

describe.each(small)('$name', (example) => {
  it('has little code', () => {
    expect(linesOfCode(example)).toBeGreaterThan(0);
    expect(linesOfCode(example)).toBeLessThanOrEqual(MOST_CODE);
  });

  it('has a short README, with commands and what they print', () => {
    expect(example).toMatchObject({
      commands: expect.stringMatching(/./),
      output: expect.stringMatching(/./),
    });
    expect(linesOf(example.readme)).toBeLessThanOrEqual(MOST_README);
  });

  it('names versions, those of our packages as they are now', () => {
    const manifest = readJson(join(example.folder, 'package.json')) as Manifest;
    expect(manifest).toMatchObject({ name: `mmfbus-example-${example.name}`, private: true });
    const { version } = readJson(join(workspaceRoot, 'packages', 'mmfbus', 'package.json')) as {
      version: string;
    };
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (/^(?:@mmfbus\/|mmfbus$)/.test(name)) expect(range).toBe(`^${version}`);
      else expect(range).toMatch(/^\^?\d+\.\d+\.\d+$/);
    }
  });
});

describe.each(small.filter(({ name }) => ![...NOT_RUN, ...COMPILED].includes(name)))('$name', (example) => {
  it('prints what its README says', async () => {
    expect((await run(example).success()).trim()).toMatch(outputPattern(example.output));
  });
});
