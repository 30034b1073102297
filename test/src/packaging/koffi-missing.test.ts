// What a program is told that cannot load koffi: from a bundle whose folder holds no node_modules, or where npm left out the binary.
import { cpSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startCode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder } from '../support/workspace.js';

const folder = temporaryFolder('koffi-missing');

/** A project with `@mmfbus/core` alone. */
function makeProject(name: string): string {
  const core = join(folder, name, 'node_modules', '@mmfbus', 'core');
  mkdirSync(core, { recursive: true });
  for (const part of ['dist', 'package.json'])
    cpSync(join(packageFolder('core'), part), join(core, part), { recursive: true });
  return join(folder, name);
}

/** What importing comes to, then the first use. */
async function use(cwd: string): Promise<string[]> {
  const output = await startCode(
    `const { MemoryMappedFile, MmfError } = await import('@mmfbus/core');
     console.log('imported');
     try {
       MemoryMappedFile.create('koffi-missing', 1).close();
     } catch (error) {
       console.log(error instanceof MmfError, error.code, error.message, error.cause instanceof Error);
     }`,
    // pnpm has it lead to all packages of the workspace.
    { cwd, env: { NODE_PATH: undefined } },
  ).success();
  return output.trim().split('\n');
}

describe('the first use of mmfbus', () => {
  it('without koffi says what to do', async () => {
    const [imported, failed] = await use(makeProject('without'));
    expect(imported).toBe('imported');
    expect(failed).toMatch(
      /^true UNSUPPORTED mmfbus cannot load koffi on \w+-\w+: Cannot find module 'koffi'.* docs\/bundling\.md says true$/,
    );
  });

  it('without the binary of koffi for this system says what to do', async () => {
    const project = makeProject('no-binary');
    const koffi = realpathSync(join(packageFolder('core'), 'node_modules', 'koffi'));
    // Its dependencies, which hold the binaries, lie beside it.
    expect(readdirSync(koffi)).not.toContain('node_modules');
    cpSync(koffi, join(project, 'node_modules', 'koffi'), { recursive: true });
    const [imported, failed] = await use(project);
    expect(imported).toBe('imported');
    expect(failed).toMatch(
      /^true UNSUPPORTED mmfbus cannot load koffi on .*: Cannot find the native Koffi module.* docs\/bundling\.md says true$/,
    );
  });
});
