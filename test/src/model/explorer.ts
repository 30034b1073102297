import type { Choice, State, Violation } from './state.js';
import { traceOf } from './trace.js';
import type { World } from './world.js';

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
  /** How often the sources were executed. */
  readonly executions: number;
  readonly violation: (Violation & { readonly trace: string }) | undefined;
}

/** More states than this are a mistake in the scenario: it has no bound. */
const MOST_STATES = 3_000_000;

/** Tries out every order in which the processes of a world can go on, shortest first, up to the first violation. */
export async function exploreWorld<M>(world: World<M>): Promise<Exploration> {
  const first = await world.begin();
  for (;;) {
    world.reduction.beginAnew();
    const found = await exploreOnce(world, first);
    if (found !== undefined) return found;
  }
}

/** Undefined when processes were let run past what concerned others. */
async function exploreOnce<M>(world: World<M>, first: State): Promise<Exploration | undefined> {
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
