import type { ProcessPlan, Scenario } from '../world.js';
import type { CallsMachine } from './environment.js';
import { calls, type PlannedCall, serves } from './programs.js';

/** What servers and a client of one service do. */
export interface CallsScenario extends Scenario<CallsMachine> {
  /** The process that makes the calls. */
  readonly client: number;
  readonly calls: readonly PlannedCall[];
  /** Cells of the client's mailbox. Defaults to 2. */
  readonly cells?: number;
  /** Codes of errors that calls may end with, beside the deaths and what the program gives up. */
  readonly allows?: readonly string[];
}

type Plan = ProcessPlan<CallsMachine>;

const one: PlannedCall = { number: 1, method: 'once' };
const two: PlannedCall = { number: 2, method: 'once' };
const again: PlannedCall = { number: 3, method: 'again' };
const givenUp: PlannedCall = { ...one, isGivenUp: true };

function server(name: string, plan: Parameters<typeof serves>[0] = {}, more: Partial<Plan> = {}): Plan {
  return { name, program: serves(plan), sleepsAtStart: true, ...more };
}

function scenario(
  servers: readonly Plan[],
  planned: readonly PlannedCall[],
  {
    calling,
    client,
    ...bounds
  }: Partial<Omit<CallsScenario, 'client'>> & {
    readonly calling?: Parameters<typeof calls>[1];
    readonly client?: Partial<Plan>;
  } = {},
): CallsScenario {
  const caller: Plan = { name: 'client', program: calls(planned, calling), ...client };
  return {
    processes: [...servers, caller],
    client: servers.length,
    calls: planned,
    ...bounds,
  };
}

const mortal = { mortal: true };

/**
 * What is explored, and within which bounds. Where nothing else is said, one of the mortal processes may die, and processes
 * are interrupted as often as may be.
 */
export const callScenarios = {
  callAndAnswer: scenario([server('server')], [one]),
  answerInALaterTurn: scenario([server('server', { isSlow: true })], [one]),
  givingUp: scenario([server('server')], [givenUp]),
  givingUpWhatRuns: scenario(
    [server('server', { endless: [1] })],
    [{ ...givenUp, isEndless: true }, two],
    {},
  ),
  deathOfAServer: scenario([server('first', {}, mortal), server('second')], [one]),
  deathOfTheOnlyServer: scenario([server('server', { isSlow: true }, mortal)], [one, again], {
    allows: ['NO_SERVER'],
  }),
  deathsOfBoth: scenario([server('first', {}, mortal), server('second', {}, mortal)], [again], {
    kills: 2,
    allows: ['NO_SERVER', 'SERVER_DIED'],
  }),
  takenForDead: scenario([server('first', { isSlow: true }), server('second')], [one], {
    calling: { mistakes: 0 },
    interruptions: 1,
    allows: ['SERVER_DIED'],
  }),
  draining: scenario([server('first', { drains: true }), server('second')], [one], { interruptions: 1 }),
  drainingTheOnlyServer: scenario([server('server', { drains: true, isSlow: true })], [one], {
    allows: ['NO_SERVER'],
    interruptions: 1,
  }),
  drainingAndDying: scenario(
    [server('first', { drains: true, isSlow: true }, mortal), server('second')],
    [one],
    { interruptions: 0 },
  ),
  drainingWithALongCall: scenario(
    [server('first', { drains: true, endless: [1], concurrency: 1 })],
    [{ ...one, isEndless: true }, two],
    { allows: ['NO_SERVER'] },
  ),
  deathOfTheClient: scenario([server('server', { endless: [1] })], [{ ...one, isEndless: true }], {
    client: mortal,
  }),
  cellUsedAgain: scenario([server('server', { isSlow: true })], [givenUp, two], { cells: 1 }),
  cellUsedAgainAfterACancel: scenario(
    [server('server', { endless: [1] })],
    [{ ...givenUp, isEndless: true }, two],
    { cells: 1, calling: { isInTurn: true } },
  ),
  tooManyCalls: scenario(
    [
      server('first', { isSlow: true, concurrency: 1, queue: 0 }),
      server('second', { isSlow: true, concurrency: 1, queue: 0 }),
    ],
    [one, two],
    { allows: ['BUSY'], interruptions: 1 },
  ),
  refused: scenario([server('first', { canAnswer: false }), server('second')], [one]),
  oneWay: scenario([server('server', { drains: true })], [{ number: 1, method: 'tell' }], {
    allows: ['NO_SERVER'],
  }),
  streamOfAnswers: scenario([server('server')], [{ number: 1, method: 'items' }]),
  streamOfAnswersGivenUp: scenario([server('server')], [{ number: 1, method: 'items', isGivenUp: true }], {
    interruptions: 1,
  }),
  callsWhileItReads: scenario([server('server')], [{ number: 1, method: 'items' }], {
    calling: { asksAtEachItem: true },
    interruptions: 1,
  }),
  streamOfInputs: scenario([server('server')], [{ number: 1, method: 'sum' }], { interruptions: 2 }),
  streamOfInputsAndDeath: scenario([server('server', {}, mortal)], [{ number: 1, method: 'sum' }], {
    allows: ['NO_SERVER'],
    interruptions: 1,
  }),
} as const satisfies Readonly<Record<string, CallsScenario>>;

/** Name of one of the {@link callScenarios}. */
export type CallScenarioName = keyof typeof callScenarios;
