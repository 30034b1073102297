import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run } from './child.mjs';
import { heading } from './report.mjs';

const PYTHON = '/usr/bin/python3';
const PACKAGE = 'python3-msgpack';

function isInstalled() {
  return spawnSync(PYTHON, ['-c', 'import msgpack']).status === 0;
}

/**
 * Installs the msgpack of Python, which tests of ours talk to, where that is possible and it is missing. Where it is not
 * possible those tests fail, and say so.
 */
export async function installPythonMsgpack() {
  if (isInstalled() || process.env['MMFBUS_TEST_PYTHON'] !== undefined) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  heading('python', `apt-get install ${PACKAGE}`);
  await run('apt-get', ['-qq', 'update']);
  await run('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', PACKAGE]);
}
