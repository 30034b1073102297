import { afterEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { createRandom, type Random } from '../support/random.js';
import { type Program, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { headerTable, slotTable } from './format-tables.js';
import {
  hostileAnswer,
  hostileEnvelope,
  mapped,
  overwriteCells,
  overwriteContract,
  overwriteSlots,
  publishInto,
  type SegmentKind,
  segmentsOf,
} from './intruder.js';

const SEED = Number(process.env['MMFBUS_ATTACK_SEED'] ?? 1);
const directory = ownDirectory('attacked-calls');
/** Batches of calls that have their outcomes under each attack. Wine is slow. */
const UNDER_ATTACK = process.platform === 'win32' ? 10 : 40;
/** Messages that an intruder publishes each time it has joined. */
const MESSAGES = 200;
/** Slots that are in use, and some more. */
const SLOTS = 6;

interface Attack {
  readonly what: string;
  /** Whether it may tell servers that a call was given up. */
  readonly cancels?: boolean;
  /** Overwrites something, once, in each segment of its kind; returns how much. */
  strike(service: string, random: Random): Promise<number>;
}

function overwrites(
  what: string,
  kind: SegmentKind,
  change: (memory: NonNullable<ReturnType<typeof mapped>>, random: Random) => void,
): Attack {
  return {
    what,
    async strike(service, random) {
      let struck = 0;
      for (const name of segmentsOf(directory, service, kind)) {
        const memory = mapped(name);
        if (memory === undefined) continue;
        change(memory, random);
        struck++;
        memory.close();
        await memory.closed;
      }
      return struck;
    },
  };
}

function publishes(what: string, kind: 'calls' | 'replies', message: (random: Random) => Uint8Array): Attack {
  return {
    what,
    async strike(service, random) {
      let struck = 0;
      for (const name of segmentsOf(directory, service, kind)) {
        struck += await publishInto(
          name,
          kind,
          Array.from({ length: MESSAGES }, () => message(random)),
        );
      }
      return struck;
    },
  };
}

const slotField = (name: string) => ({
  header: headerTable.length,
  length: slotTable.length,
  offset: slotTable.offsetOf(name),
});

const attacks: readonly Attack[] = [
  publishes('calls that no client makes', 'calls', hostileEnvelope),
  publishes('answers that no server gives', 'replies', hostileAnswer),
  {
    ...overwrites('words of cells', 'replies', (memory, random) => overwriteCells(memory, random, 4)),
    cancels: true,
  },
  overwrites('refusals', 'calls', ({ words, geometry }, random) => {
    words[(geometry.regionOffset >> 2) + random(SLOTS)] = random(3);
  }),
  overwrites('phases in the registry', 'service', (memory, random) =>
    overwriteSlots(memory, random, slotField('phase'), SLOTS),
  ),
  overwrites('ids of inboxes in the registry', 'service', (memory, random) =>
    overwriteSlots(memory, random, slotField('detail'), SLOTS),
  ),
  overwrites('what is done, and phases, in inboxes', 'calls', (memory, random) => {
    overwriteSlots(memory, random, slotField('done'), SLOTS);
    overwriteSlots(memory, random, slotField('phase'), SLOTS);
  }),
  overwrites('ids of mailboxes in inboxes', 'calls', (memory, random) =>
    overwriteSlots(memory, random, slotField('detail'), SLOTS),
  ),
  overwrites('ids of inboxes in mailboxes', 'replies', (memory, random) =>
    overwriteSlots(memory, random, slotField('detail'), SLOTS),
  ),
  overwrites('the contract', 'calls', (memory, random) => overwriteContract(memory, random, 3)),
];

const programs: Program[] = [];

function start(...args: readonly string[]): Program {
  const program = startProgram('attacked-service', { args, watchdog: 110_000 });
  programs.push(program);
  return program;
}

async function settled(caller: Program, batches: number): Promise<void> {
  for (let count = 0; count < batches; count++) await caller.waitForLine(/^settled /);
}

/** Until some call of it was answered. */
async function answered(caller: Program): Promise<void> {
  await caller.waitForLine(/^settled [1-9]/);
}

async function stop(program: Program): Promise<Record<string, number>> {
  program.endInput();
  const output = await program.success();
  return JSON.parse(/^done (.*)$/m.exec(output)?.[1] ?? '{}') as Record<string, number>;
}

afterEach(() => {
  programs.length = 0;
});

describe('clients and servers whose memory has nonsense in it', () => {
  it.each(attacks)('end no process, and pass no answer to another call: $what', async (attack) => {
    const service = uniqueName('attacked');
    const servers = [start('serve', service), start('serve', service)];
    const callers = [start('call', service), start('call', service)];
    const [caller] = callers as [Program, Program];
    await Promise.all(callers.map(answered));
    const random = createRandom(SEED);
    let isOver = false;
    const done = settled(caller, UNDER_ATTACK).finally(() => {
      isOver = true;
    });
    let struck = 0;
    while (!isOver) {
      struck += await attack.strike(service, random);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    expect(struck).toBeGreaterThan(0);
    // A server that is new is found by clients that are new, whatever was made of the others.
    servers.push(start('serve', service));
    const late = start('call', service);
    callers.push(late);
    await answered(late);
    for (const one of callers) {
      const met = await stop(one);
      expect(met['answers'], JSON.stringify(met)).toBeGreaterThan(0);
      // They would be answers of an intruder. The word of a cell may say that its call is given up, which ends its stream by an error.
      if (attack.cancels !== true) expect(met, 'what no handler has thrown').not.toHaveProperty('REMOTE');
      expect(met, 'what no server has refused').not.toHaveProperty('REFUSED');
    }
    for (const one of servers) expect((await stop(one))['servers']).toBeGreaterThan(0);
  });
});
