import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder, packageNames } from '../support/workspace.js';

/** Everything that users of the packages can import, `./internal` left out: that is for the packages alone. */
const entries = packageNames.flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8'));
  return Object.entries<{ types: string }>(exports)
    .filter(([path]) => path !== './internal' && path !== './package.json')
    .map(([, { types }]) => ({ name, entry: /([\w-]+)\.d\.ts$/.exec(types)?.[1] ?? '' }));
});

const folder = temporaryFolder('api-report');

/** What an entry point exports, as text. */
function reportOf(name: (typeof packageNames)[number], entry: string): string {
  const projectFolder = packageFolder(name);
  const file = `${name}-${entry}.api.md`;
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder,
      mainEntryPointFilePath: join(projectFolder, 'dist', `${entry}.d.ts`),
      compiler: { tsconfigFilePath: join(projectFolder, 'tsconfig.json') },
      apiReport: { enabled: true, reportFileName: file, reportFolder: folder, reportTempFolder: folder },
      messages: {
        extractorMessageReporting: { default: { logLevel: 'none' as never } },
        compilerMessageReporting: { default: { logLevel: 'none' as never } },
        tsdocMessageReporting: { default: { logLevel: 'none' as never } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(projectFolder, 'package.json'),
  });
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  return readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n');
}

describe('the public surface', () => {
  it.each(entries)('of packages/$name, $entry, is what its report says', async ({ name, entry }) => {
    await expect(reportOf(name, entry)).toMatchFileSnapshot(
      join(packageFolder(name), 'api', `${entry}.api.md`),
    );
  });
});
