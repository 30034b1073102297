import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';

const program = join(workspaceRoot, 'test', 'bench', 'dist', 'charts', 'main.js');
const committed = join(workspaceRoot, 'docs', 'bench');
const readme = join(workspaceRoot, 'README.md');
const drawn = temporaryFolder('charts');
const written = join(drawn, 'README.md');

function drawings(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.svg'));
}

// The charts are made where Linux runs the benchmark.
describe.runIf(process.platform !== 'win32')('the charts of docs/bench', () => {
  test('are what npm run bench:charts draws from the results there, and so is the table in the README', async () => {
    copyFileSync(readme, written);
    await startNode(program, { args: ['--to', drawn, '--readme', written] }).success();
    expect(readFileSync(readme, 'utf8')).toBe(readFileSync(written, 'utf8'));
    expect(drawings(committed).sort()).toEqual(drawings(drawn).sort());
    for (const name of drawings(drawn)) {
      expect(readFileSync(join(committed, name), 'utf8'), name).toBe(readFileSync(join(drawn, name), 'utf8'));
    }
  });

  test('are shown in the README, all of them', () => {
    const text = readFileSync(readme, 'utf8');
    expect(drawings(committed).filter((name) => !text.includes(`docs/bench/${name}`))).toEqual([]);
  });
});
