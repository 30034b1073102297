import { type Change, inside } from './changes.js';
import type { Violation } from './invariants.js';
import type { Choice, State } from './state.js';
import { traceOf } from './trace.js';
import { type Scenario, World } from './world.js';

/** A state, and how it was reached. */
export interface Visit {
  readonly state: State;
  readonly from: Visit | undefined;
  readonly choice: Choice | undefined;
}

/** What an exploration found. */
export interface Exploration {
  /** Different states. */
  readonly states: number;
  /** Steps from one state to another. */
  readonly steps: number;
  /** States in which nothing happens any more. */
  readonly rests: number;
  /** How often the channel's sources were executed. */
  readonly executions: number;
  readonly violation: (Violation & { readonly trace: string }) | undefined;
}

/** More states than this are a mistake in the scenario: it has no bound. */
const MOST_STATES = 3_000_000;

/*
 * Model checking of the real sources. Nothing of the protocol is written again here: the channel package is compiled as it
 * is, and only what it stands on is made up (`environment.ts`): shared memory, `Atomics`, timers, ports, deaths. A process
 * is a program that uses a publisher or a subscriber. It is executed from its beginning with the results of all it did
 * before, up to its next operation (`run.ts`); what that does to the world is in `world.ts`. So every state can be
 * continued in every way, and equal states are explored once.
 *
 * Exhaustive, within these bounds:
 * - few processes, messages and deaths, and a limit to interruptions: see `scenarios.ts`;
 * - memory is sequentially consistent, as `Atomics` are; plain accesses go with the operation before them, except where a
 *   scenario has `plainSteps`;
 * - timers fire at any time after something that they look for has changed: a holder, an owner, a death. Time stands still
 *   otherwise, and there is no window for polling;
 * - a process has one participant, and joins alone unless the scenario says otherwise;
 * - bells are opened when they are rung, and always can be where their owner lives: no descriptors are missing.
 */

/** Loops that only try the same again are this short: what they find in between is found by trying once, at any moment. */
const SHORT_LOOPS: readonly Change[] = [
  inside('PublisherLock.spin').let('SPIN_TRIES').be('1'),
  inside('PublisherLock.spin').let('SPIN_ROUNDS').be('1'),
  inside('PublisherLock.acquire').let('TURNS_BEFORE_SLEEPING').be('1'),
  inside('Doorbells.ringLater').let('LONGEST_PAUSE_MS').be('FIRST_PAUSE_MS'),
  inside('Pump.lookAgainLater').let('LONGEST_PAUSE_MS').be('1'),
];

/**
 * Bells are opened when they are first to be rung. A bell that could not be opened before is opened then anyway: that it
 * mostly is open by then saves time, and descriptors when they are scarce, and no next step depends on it.
 */
const LATE_CONNECTIONS: readonly Change[] = [
  inside('Participant.activate').leaveOut('afterRelease'),
  inside('DeathWatch.watchSlot').leaveOut('watched'),
];

/** Tries out every order in which the processes of a scenario can go on, shortest first, up to the first violation. */
export async function explore(scenario: Scenario, changes: readonly Change[] = []): Promise<Exploration> {
  const world = new World(scenario, [...SHORT_LOOPS, ...LATE_CONNECTIONS, ...changes]);
  const first = await world.begin();
  for (;;) {
    world.reduction.beginAnew();
    const found = await exploreOnce(world, first);
    if (found !== undefined) return found;
  }
}

/** Undefined when processes were let run past what concerned others. */
async function exploreOnce(world: World, first: State): Promise<Exploration | undefined> {
  const queue: Visit[] = [{ state: first, from: undefined, choice: undefined }];
  const known = new Set([keyOf(first)]);
  let steps = 0;
  let rests = 0;
  const result = async (last?: Visit, violation?: Violation): Promise<Exploration> => ({
    states: known.size,
    steps,
    rests,
    executions: world.executions,
    violation:
      violation === undefined || last === undefined
        ? undefined
        : { ...violation, trace: await traceOf(world, first, last, violation) },
  });
  for (let index = 0; index < queue.length; index++) {
    const visit = queue[index] as Visit;
    const { state } = visit;
    const choices = world.choices(state);
    if (choices.every(({ what }) => what === 'kill')) {
      rests++;
      const violation = world.checkRest(state);
      if (violation !== undefined) return result(visit, violation);
    }
    for (const choice of choices) {
      let next = world.tryStep(state, choice);
      if ('children' in next) next = await world.step(state, choice);
      if (world.reduction.misjudged) return undefined;
      steps++;
      if (next.violation !== undefined) return result({ state: next, from: visit, choice }, next.violation);
      const key = keyOf(next);
      if (known.has(key)) continue;
      known.add(key);
      queue.push({ state: next, from: visit, choice });
    }
    if (known.size > MOST_STATES) throw new Error(`more than ${MOST_STATES} states`);
  }
  return result();
}

function keyOf(state: State): string {
  const { contents, locals, dead, rung, news, stale, ports, holder, committed, running, interruptions } =
    state;
  let key = `${contents.id},${dead},${rung},${news},${stale},${holder},${ports},${committed.join(' ')},${running},${interruptions}`;
  for (const [process, { id }] of locals.entries()) if ((dead & (1 << process)) === 0) key += `,${id}`;
  return key;
}
