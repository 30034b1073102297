import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';

const program = join(workspaceRoot, 'test', 'bench', 'dist', 'charts', 'main.js');
const committed = join(workspaceRoot, 'docs', 'bench');
const drawn = temporaryFolder('charts');

/** The documents that have a table of the results, by the options that name them. */
const documents = {
  readme: 'README.md',
  comparison: 'docs/comparison.md',
  performance: 'docs/performance.md',
};

function drawings(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.svg'));
}

// The charts are made where Linux runs the benchmark.
describe.runIf(process.platform !== 'win32')('the charts of docs/bench', () => {
  test('are what npm run bench:charts draws from the results there, and so are the tables in the documents', async () => {
    const written = Object.entries(documents).map(([option, path]) => {
      const copy = join(drawn, `${option}.md`);
      copyFileSync(join(workspaceRoot, path), copy);
      return { option, path, copy };
    });
    const args = written.flatMap(({ option, copy }) => [`--${option}`, copy]);
    await startNode(program, { args: ['--to', drawn, ...args] }).success();
    for (const { path, copy } of written)
      expect(readFileSync(join(workspaceRoot, path), 'utf8'), path).toBe(readFileSync(copy, 'utf8'));
    expect(drawings(committed).sort()).toEqual(drawings(drawn).sort());
    for (const name of drawings(drawn)) {
      expect(readFileSync(join(committed, name), 'utf8'), name).toBe(readFileSync(join(drawn, name), 'utf8'));
    }
  });

  test('are shown in docs/performance.md, all of them', () => {
    const text = readFileSync(join(workspaceRoot, documents.performance), 'utf8');
    expect(drawings(committed).filter((name) => !text.includes(`(bench/${name})`))).toEqual([]);
  });
});
