import type { Change } from '../changes.js';
import { type Exploration, exploreWorld } from '../explorer.js';
import { World } from '../world.js';
import { CallsEnvironment, type CallsMachine } from './environment.js';
import { CallInvariants } from './invariants.js';
import type { CallsScenario } from './scenarios.js';

/*
 * Model checking of the real sources of calls, as `../explore.ts` does it with those of channels: the service package is compiled as it
 * is, and what it stands on is made up. That is not memory alone, but channels: they do what the model of channels has proved of the
 * real ones, in fewer steps, so that a client and two servers can be explored.
 *
 * What they leave out:
 * - what a participant does with the publisher lock held is one step; ringing comes after it, as a step of its own. So no process finds
 *   the lock held, and none dies with it;
 * - rings never fill, and messages are never split;
 * - no slot is used again, and how much a server has to do is the same for all;
 * - no timer fires: a program gives calls up by their signals, at any time. No call may depend on a timer but for its deadline.
 *
 * As there, few processes, calls, deaths and interruptions: see `scenarios.ts`.
 */

/** Tries out every order in which the client and the servers of a service can go on. */
export function exploreCalls(scenario: CallsScenario, changes: readonly Change[] = []): Promise<Exploration> {
  const environment = new CallsEnvironment(scenario.cells ?? 2, changes);
  return exploreWorld(
    new World<CallsMachine>(
      scenario,
      environment,
      (world) => new CallInvariants(world, environment, scenario),
    ),
  );
}
