import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Set for the tests and inherited by every process that they start. */
const RUN_VARIABLE = 'MMFBUS_TEST_RUN';
/** What a process that is just ending may take to be gone, milliseconds. */
const GRACE = 5_000;

/** @param {string} folder */
function entriesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.startsWith('mmfbus'));
}

/** Paths of everything ours in the folders where segments, ports and temporary folders live. */
function listFiles() {
  const folders = new Set(['/dev/shm', tmpdir(), process.env['MMFBUS_DIRECTORY'] ?? tmpdir()]);
  return [...folders].flatMap((folder) => entriesOf(folder).map((name) => join(folder, name)));
}

/**
 * The processes that /proc shows; none on systems without it.
 *
 * @returns {number[]}
 */
function processes() {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/**
 * @template T
 * @param {() => T} read
 * @param {T} otherwise for a process that has ended meanwhile, or that is not ours to look into.
 */
function tryRead(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/**
 * The processes that the tests started and that still live.
 *
 * @param {string} run
 */
function processesOf(run) {
  const mark = `${RUN_VARIABLE}=${run}`;
  return processes().filter((pid) =>
    tryRead(() => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark), false),
  );
}

/**
 * Whether a process uses that file: it belongs to another program on this machine then, and is not a leftover.
 *
 * @param {number} pid
 * @param {string} path
 */
function isUsedBy(pid, path) {
  const opened = tryRead(
    () =>
      readdirSync(`/proc/${pid}/fd`).some(
        (fd) => tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '') === path,
      ),
    false,
  );
  return opened || tryRead(() => readFileSync(`/proc/${pid}/maps`, 'utf8').includes(path), false);
}

/**
 * Whether the name holds the number of a living process, as `uniqueName()` and `temporaryFolder()` write it.
 *
 * @param {string} path
 * @param {readonly number[]} living
 */
function namesLiving(path, living) {
  const match = /mmfbus-test-(\d+)-/.exec(path);
  return match !== null && living.includes(Number(match[1]));
}

/** Watches for what the tests leave behind: files, and on Linux also processes. Begin before them. */
export class LeftoverWatch {
  #before = new Set(listFiles());
  #run = `${process.pid}-${Date.now()}`;

  /** The environment to give to the tests. */
  get environment() {
    return { [RUN_VARIABLE]: this.#run };
  }

  #look() {
    const ours = processesOf(this.#run);
    const others = processes().filter((pid) => pid !== process.pid && !ours.includes(pid));
    const files = listFiles()
      .filter((path) => !this.#before.has(path))
      .filter((path) => !namesLiving(path, others) && !others.some((pid) => isUsedBy(pid, path)));
    return { files, processes: ours };
  }

  /**
   * Ends what was left running, and tells what was left.
   *
   * @returns {Promise<string[]>} one line each.
   */
  async collect() {
    const deadline = Date.now() + GRACE;
    let found = this.#look();
    while (found.files.length + found.processes.length > 0 && Date.now() < deadline) {
      await delay(250);
      found = this.#look();
    }
    const processLines = found.processes.map((pid) => {
      const command = tryRead(
        () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
        '',
      );
      return `process ${pid} (ended now): ${command}`;
    });
    this.endProcesses();
    return [...found.files.map((path) => `file ${path}`), ...processLines];
  }

  /** Ends what the tests left running. */
  endProcesses() {
    for (const pid of processesOf(this.#run)) tryRead(() => process.kill(pid, 'SIGKILL'), false);
  }
}
