import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from './tools.js';
import { workspaceRoot } from './workspace.js';

/** The files of the repository that are there, by their paths from its root, with `/`. New ones count once git knows them. */
export function trackedFiles(): string[] {
  const names = execFileSync(
    commandOf('git'),
    ['-c', 'safe.directory=*', 'ls-files', '-z', '--deduplicate'],
    { cwd: workspaceRoot, stdio: 'pipe' },
  );
  return names
    .toString()
    .split('\0')
    .filter((name) => name !== '' && existsSync(join(workspaceRoot, name)));
}
