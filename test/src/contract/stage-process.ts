import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import type { StageAnswer, StageOrder } from './stage-orders.js';

/** Milliseconds after which a cell hangs. A watchdog, not a limit: the machine may be slow. */
const WATCHDOG = Number(process.env['MMFBUS_CONTRACT_WATCHDOG'] ?? 30_000);
/** Of a process that plays many cells. */
const STAGE_WATCHDOG = 600_000;
/** Descriptors of the process whose calls are tested: few, so that it soon has none. */
const DESCRIPTORS = 256;
const SPACE = '16m';

/** A command that runs Node where little can be opened, and little be written, as far as this user may arrange that. */
function narrow(root: string): { readonly within: readonly string[]; readonly hasLittleSpace: boolean } {
  const mount = `mount -t tmpfs -o size=${SPACE} contract "$0" && ulimit -n ${DESCRIPTORS} && exec "$@"`;
  for (const how of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const [file, ...args] = ['unshare', ...how, 'sh', '-c', mount, root] as const;
    if (spawnSync(file, [...args, 'true']).status === 0)
      return { within: [file, ...args], hasLittleSpace: true };
  }
  return { within: ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, root], hasLittleSpace: false };
}

/** The process that plays; a new one after one that hung. To be made outside tests. */
export class Stage {
  /** Whether its file system is full after a few mebibytes. */
  readonly hasLittleSpace: boolean;
  readonly #root: string;
  readonly #within: readonly string[];
  #program: Program | undefined;

  constructor(label: string) {
    // Where segments live by default, so that the same kind of file system is tested.
    this.#root = temporaryFolder(label, existsSync('/dev/shm') ? '/dev/shm' : undefined);
    const { within, hasLittleSpace } = narrow(this.#root);
    this.#within = within;
    this.hasLittleSpace = hasLittleSpace;
    afterAll(() => this.#end());
  }

  async play(order: StageOrder): Promise<StageAnswer> {
    this.#program ??= startNode(join(workspaceRoot, 'test', 'dist', 'contract', 'stage.js'), {
      args: [this.#root, String(WATCHDOG)],
      within: this.#within,
      watchdog: STAGE_WATCHDOG,
      outlivesTest: true,
    });
    this.#program.send(JSON.stringify(order));
    const answer = JSON.parse((await this.#answer(this.#program))[0]) as StageAnswer;
    if (answer.isSpent) await this.#end();
    return answer;
  }

  async #end(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    program?.endInput();
    await program?.exit();
  }

  /** Where its event loop stands still it cannot say so itself. */
  async #answer(program: Program): Promise<RegExpExecArray> {
    const timer = setTimeout(() => program.kill(), 2 * WATCHDOG);
    try {
      return await program.waitForLine(/^\{.*\}$/);
    } catch (error) {
      this.#program = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
