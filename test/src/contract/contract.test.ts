import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { type Applicable, type Cell, type Situation, type Subject, situations } from './contract.js';
import type { StageAnswer, StageOrder } from './stage-orders.js';
import { subjects } from './subjects/index.js';

/** Milliseconds after which a cell hangs. A watchdog, not a limit: the machine may be slow. */
const WATCHDOG = Number(process.env['MMFBUS_CONTRACT_WATCHDOG'] ?? 30_000);
/** Of a process that plays many cells. */
const STAGE_WATCHDOG = 600_000;
/** Descriptors of the process whose calls are tested: few, so that it soon has none. */
const DESCRIPTORS = 256;
const SPACE = '16m';

// Where segments live by default, so that the same kind of file system is tested.
const root = temporaryFolder('contract', existsSync('/dev/shm') ? '/dev/shm' : undefined);

/** A command that runs Node where little can be opened, and little be written, as far as this user may arrange that. */
function narrow(): { readonly within: readonly string[]; readonly hasLittleSpace: boolean } {
  const mount = `mount -t tmpfs -o size=${SPACE} contract "$0" && ulimit -n ${DESCRIPTORS} && exec "$@"`;
  for (const how of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const [file, ...args] = ['unshare', ...how, 'sh', '-c', mount, root] as const;
    if (spawnSync(file, [...args, 'true']).status === 0)
      return { within: [file, ...args], hasLittleSpace: true };
  }
  return { within: ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, root], hasLittleSpace: false };
}

const { within, hasLittleSpace } = narrow();

/** The process that plays cells; a new one after one that hung. */
class Stage {
  #program: Program | undefined;

  async play(order: StageOrder): Promise<StageAnswer> {
    this.#program ??= startNode(join(workspaceRoot, 'test', 'dist', 'contract', 'stage.js'), {
      args: [root, String(WATCHDOG)],
      within,
      watchdog: STAGE_WATCHDOG,
      outlivesTest: true,
    });
    this.#program.send(JSON.stringify(order));
    const answer = JSON.parse((await this.#answer(this.#program))[0]) as StageAnswer;
    if (answer.isSpent) await this.end();
    return answer;
  }

  async end(): Promise<void> {
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

const stage = new Stage();
afterAll(() => stage.end());

function cellsOf({ cells }: Subject): (readonly [Situation, Applicable])[] {
  const isApplicable = (entry: readonly [Situation, Cell]): entry is readonly [Situation, Applicable] =>
    'comes' in entry[1];
  return situations.map((situation) => [situation, cells[situation]] as const).filter(isApplicable);
}

describe.runIf(process.platform === 'linux')('settles as it should:', () => {
  describe.each(subjects)('$name', (subject) => {
    it.for(cellsOf(subject))('%s', async ([situation, cell], { skip }) => {
      if (situation === 'without space' && !hasLittleSpace)
        skip('this user may not mount a small file system');
      const { outcome, faults } = await stage.play({ subject: subject.name, situation });
      if (typeof cell.comes === 'string') expect(outcome).toBe(cell.comes);
      else expect(outcome).toMatch(cell.comes);
      expect(faults).toEqual([]);
    });
  });
});
