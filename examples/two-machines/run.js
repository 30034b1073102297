// node run.js [--local]: makes the machines, tells the story, and removes everything again, however it ends.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.js';
import { twoNamespaces } from './machines.js';
import { tell } from './story.js';

const COMMAND = join(import.meta.dirname, 'node_modules', '.bin', 'mmfbus');
/** What ends this program early, and the numbers of these signals. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** Milliseconds. */
const MOMENT = 200;
const isLocal = process.argv.includes('--local');

/** What was made, as functions that remove it. */
const made = [];
const children = [];
let isEnding = false;
let fail;
/** Rejects when a program ends badly. */
const failure = new Promise((_, reject) => {
  fail = reject;
});

/** What is missing, and what to do about it. */
class Missing extends Error {}

function folder(parent) {
  const path = mkdtempSync(join(parent, 'mmfbus-two-machines-'));
  made.push(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}

function start(name, words, options, shown) {
  if (isEnding) throw new Error('it is ending');
  const child = new Child(name, words, options, fail, shown);
  children.push(child);
  return child;
}

function checkTools() {
  if (spawnSync('nats-server', ['--version']).error !== undefined) {
    throw new Missing(`nats-server is missing. On Debian and Ubuntu: sudo apt install nats-server
Elsewhere: https://github.com/nats-io/nats-server/releases`);
  }
  if (!existsSync(COMMAND)) throw new Missing('The packages are missing. Run npm install in this folder.');
}

/** The machines: `within` is what a command line begins with that runs there, `cut` and `mend` are for the link between them. */
function makeMachines(server) {
  if (isLocal) {
    return {
      address: '127.0.0.1',
      about: 'Two folders of shared memory on one machine stand for two machines. There is no cable to pull.',
      cutting: 'nats-server is killed',
      within: () => [],
      cut: () => server.kill(),
      mend: () => server.start(),
    };
  }
  try {
    const machines = twoNamespaces();
    made.push(machines.remove);
    return machines;
  } catch (error) {
    throw new Missing(`Network namespaces cannot be made here: ${error.message}
They need Linux, its superuser and iproute2: sudo node run.js
Without them: node run.js --local, which kills nats-server where this pulls a cable.`);
  }
}

async function main() {
  checkTools();
  let running;
  let port = isLocal ? -1 : 4222;
  const disk = folder(tmpdir());
  const memory = folder(process.env.MMFBUS_DIRECTORY ?? (existsSync('/dev/shm') ? '/dev/shm' : tmpdir()));
  const server = {
    async start() {
      const options = ['-a', machines.address, '-p', `${port}`, '-js', '-sd', join(disk, 'nats')];
      running = start('nats-server', [...machines.within('shop'), 'nats-server', ...options], {});
      port = Number((await running.line(/Listening for client connections on [\d.]+:(\d+)/))[1]);
      await running.line(/Server is ready/);
    },
    kill: () => running.stop('SIGKILL'),
  };
  const machines = makeMachines(server);
  for (const machine of ['shop', 'warehouse']) {
    mkdirSync(join(memory, machine));
    mkdirSync(join(disk, machine));
    // Its checkpoints are written beside it.
    cpSync(join(import.meta.dirname, `${machine}.json`), join(disk, machine, 'bridge.json'));
  }
  await server.start();
  const url = `nats://${machines.address}:${port}`;

  const on = (machine, words, shown) =>
    start(
      `${words[1]} of the ${machine}`,
      [...machines.within(machine), ...words],
      { cwd: import.meta.dirname, env: { ...process.env, MMFBUS_DIRECTORY: join(memory, machine) } },
      shown,
    );
  return tell({
    ...machines,
    url,
    program: (machine, file, ...args) => on(machine, [process.execPath, file, ...args]),
    bridge: (machine, shown) => {
      const config = join(disk, machine, 'bridge.json');
      return on(machine, [COMMAND, 'bridge', url, '--config', config, '--json'], shown);
    },
  });
}

/** Resolves with the exit status of a signal. */
const interruption = new Promise((resolve) => {
  for (const [signal, number] of Object.entries(SIGNALS)) process.on(signal, () => resolve(128 + number));
});

/** Throws a moment later: Ctrl-C ends all programs, and on a busy machine the end of another one may be noticed before the signal is. */
async function later(error) {
  await delay(MOMENT);
  throw error;
}

try {
  const end = main().then((isWhole) => (isWhole ? 0 : 1), later);
  process.exitCode = await Promise.race([interruption, failure.catch(later), end]);
} catch (error) {
  console.error(error instanceof Missing ? error.message : error);
  process.exitCode = 1;
} finally {
  isEnding = true;
  await Promise.all(children.map((child) => child.stop('SIGKILL')));
  for (const remove of made.reverse()) {
    try {
      remove();
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}
