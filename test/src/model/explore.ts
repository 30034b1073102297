import { type Change, inside } from './changes.js';
import { Environment, type Machine } from './environment.js';
import { type Exploration, exploreWorld } from './explorer.js';
import { Invariants } from './invariants.js';
import type { ChannelScenario } from './scenarios.js';
import { World } from './world.js';

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

/** Tries out every order in which the participants of a channel can go on. */
export function explore(scenario: ChannelScenario, changes: readonly Change[] = []): Promise<Exploration> {
  const environment = new Environment(scenario, [...SHORT_LOOPS, ...LATE_CONNECTIONS, ...changes]);
  return exploreWorld(
    new World<Machine>(scenario, environment, (world) => new Invariants(world, environment, scenario)),
  );
}
