// Plays cells of the contract, one after the other, as it is told on its standard input: the place of the calls that are
// tested. A cell that hangs ends this process, after it has said what it was waiting for.
import { createInterface } from 'node:readline';
import type { Applicable } from './contract.js';
import { Kit, killPeers } from './kit.js';
import { plays } from './plays.js';
import { playSequence, sequencesOf } from './sequences.js';
import type { CellOrder, SequencesOrder, StageAnswer, StageOrder } from './stage-orders.js';
import { subjects } from './subjects/index.js';

const [root = '', watchdog = ''] = process.argv.slice(2);
let kit: Kit | undefined;

function say(answer: StageAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function playCell({ subject: name, situation }: CellOrder, own: Kit): Promise<string> {
  const subject = subjects.find((one) => one.name === name)!;
  const cell = subject.cells[situation] as Applicable;
  const how = cell.play ?? ((one: Kit) => plays[situation]!(one, subject));
  return String(await how(own));
}

async function playSequences({ way, delivery, first }: SequencesOrder, own: Kit): Promise<string> {
  const wrong: string[] = [];
  for (const sequence of sequencesOf(way, delivery, first)) {
    for (const listensToErrors of [true, false]) {
      const problem = await playSequence(own, { way, delivery, sequence, listensToErrors });
      if (problem !== undefined) wrong.push(problem);
    }
  }
  return wrong.join('\n');
}

async function play(order: StageOrder, own: Kit): Promise<string> {
  try {
    return await ('way' in order ? playSequences(order, own) : playCell(order, own));
  } catch (error) {
    return `it failed: ${error instanceof Error ? error.stack : String(error)}`;
  }
}

async function obey(order: StageOrder): Promise<void> {
  const own = new Kit(root);
  kit = own;
  let outcome = 'nothing';
  const timer = setTimeout(() => {
    own.abandon();
    say({ outcome: `hangs, waiting for ${own.waitsFor} (${outcome})`, faults: [], isSpent: true });
  }, Number(watchdog));
  outcome = await play(order, own);
  const left = await own.clear();
  clearTimeout(timer);
  const faults = [
    ...own.takeUncaught().map((error) => `uncaught: ${error instanceof Error ? error.stack : String(error)}`),
    ...left.map((what) => `left behind: ${what}`),
  ];
  say({ outcome, faults, isSpent: left.length > 0 });
}

process.on('uncaughtException', (error) => kit?.tellUncaught(error));
process.on('unhandledRejection', (error) => kit?.tellUncaught(error));
process.on('exit', killPeers);
createInterface({ input: process.stdin })
  .on('line', (line) => void obey(JSON.parse(line) as StageOrder))
  .on('close', () => process.exit());
