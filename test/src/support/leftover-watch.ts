import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Set for the tests and inherited by every process that they start. */
const RUN_VARIABLE = 'MMFBUS_TEST_RUN';
/** What a process that is just ending may take to be gone, milliseconds. */
const GRACE = 5_000;

function entriesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.startsWith('mmfbus'));
}

/** Paths of everything ours in the folders where segments, ports and temporary folders live; none on Windows. */
function listFiles(): string[] {
  if (process.platform === 'win32') return [];
  const folders = new Set(['/dev/shm', tmpdir(), process.env['MMFBUS_DIRECTORY'] ?? tmpdir()]);
  return [...folders].flatMap((folder) => entriesOf(folder).map((name) => join(folder, name)));
}

/** The processes that /proc shows; none on systems without it. */
function processes(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** @param otherwise for a process that has ended meanwhile, or that is not ours to look into. */
function tryRead<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function parentOf(pid: number): number {
  // The name of the program stands in parentheses and may hold anything; after it come the state and the parent.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** The processes of that run: those that run the tests, our own children, and all that they started. */
function processesOf(run: string): number[] {
  const mark = `${RUN_VARIABLE}=${run}`;
  return processes().filter((pid) =>
    tryRead(() => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark), false),
  );
}

/** Whether it is a child of ours: one that runs tests, or that vitest needs otherwise. */
function isOurChild(pid: number): boolean {
  return tryRead(() => parentOf(pid) === process.pid, false);
}

/** Whether a process uses that file: it belongs to another program on this machine then, and is not a leftover. */
function isUsedBy(pid: number, path: string): boolean {
  const opened = tryRead(
    () =>
      readdirSync(`/proc/${pid}/fd`).some(
        (fd) => tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '') === path,
      ),
    false,
  );
  return opened || tryRead(() => readFileSync(`/proc/${pid}/maps`, 'utf8').includes(path), false);
}

/** Whether the name holds the number of a living process, as `uniqueName()` and `temporaryFolder()` write it. */
function namesLiving(path: string, living: readonly number[]): boolean {
  const match = /mmfbus-test-(\d+)-/.exec(path);
  return match !== null && living.includes(Number(match[1]));
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) tryRead(() => process.kill(pid, 'SIGKILL'), false);
}

/**
 * Watches for what the tests leave behind: files, and on Linux also processes. To be made before the tests begin: it marks
 * the environment that their processes inherit.
 */
export class LeftoverWatch {
  readonly #before: ReadonlySet<string> = new Set(listFiles());
  readonly #run = `${process.pid}-${Date.now()}`;

  constructor() {
    process.env[RUN_VARIABLE] = this.#run;
  }

  /**
   * Ends the processes that were left running, and tells what was left.
   *
   * @returns one line for each file and process.
   */
  async collect(): Promise<string[]> {
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
    kill(found.processes);
    return [...found.files.map((path) => `file ${path}`), ...processLines];
  }

  /** Ends all processes of the run, also those that run the tests. */
  endProcesses(): void {
    kill(processesOf(this.#run));
  }

  #look(): { files: string[]; processes: number[] } {
    const ours = processesOf(this.#run).filter((pid) => !isOurChild(pid));
    const others = processes().filter((pid) => pid !== process.pid && !ours.includes(pid));
    const files = listFiles()
      .filter((path) => !this.#before.has(path))
      .filter((path) => !namesLiving(path, others) && !others.some((pid) => isUsedBy(pid, path)));
    return { files, processes: ours };
  }
}
