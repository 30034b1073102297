import { expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

ownDirectory('unknown');

/** Has Node call itself by another name before any module looks. */
const DISGUISE = 'data:text/javascript,Object.defineProperty(process,"release",{value:{name:"other"}})';

it('an unknown runtime is refused when it joins, and leaves nothing', async () => {
  const program = startProgram('participant', {
    args: ['refused', uniqueName('unknown')],
    nodeArgs: ['--import', DISGUISE],
  });
  expect(await program.success()).toBe(
    'UNSUPPORTED waiting for other processes needs Node, Bun or Deno; ' +
      `this runtime is other ${process.version}\n`,
  );
});
