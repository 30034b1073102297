import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const workspaceRoot: string = fileURLToPath(new URL('../../..', import.meta.url));

/** The published packages, what others depend on first. */
export const packageNames = ['core', 'codec', 'channel', 'service', 'generate', 'nats', 'mmfbus'] as const;

/** The short name of a published package, which is that of its folder. */
export type PackageName = (typeof packageNames)[number];

/** What programs import a package by. */
export function specifierOf(name: PackageName): string {
  return name === 'mmfbus' ? name : `@mmfbus/${name}`;
}

/** The folder of a published package. */
export function packageFolder(name: PackageName): string {
  return join(workspaceRoot, 'packages', name);
}

/** The TypeScript sources of a package, without its tests. */
export function sourceFiles(name: PackageName): string[] {
  return readdirSync(join(packageFolder(name), 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * The path of a program of the tests in one file with all that it imports: it starts faster than from `test/dist`. The
 * programs are listed in `rolldown.config.ts`.
 *
 * @param name its path in `test/src`, without an extension.
 */
export function joinedProgram(name: string): string {
  return join(workspaceRoot, 'test', '.cache', 'programs', `${name}.js`);
}

/** The folder that holds the file of that module. */
export function folderOf(moduleUrl: string): string {
  return dirname(fileURLToPath(moduleUrl));
}
