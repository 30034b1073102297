import { availableParallelism } from 'node:os';
import type { ChannelOptions } from '@mmfbus/channel';
import { expect } from 'vitest';
import type { Point } from './orders.js';
import { type Company, Stage } from './stage.js';

/**
 * How the victim ends: killed by itself at the step; or standing still there while the survivors go on, and killed
 * after they had their turns.
 */
export type End = 'kill' | 'stall';

/** Of a test, milliseconds: it has many plays, and the machine may be slow. */
export const TIMEOUT = 600_000;
/** So often a step that comes by again and again is died at, and at its last time. */
const MOST_FIRST = Number(process.env['MMFBUS_KILLS_A_STEP'] ?? 1);
/** Turns of their event loops in which survivors do what they can while the victim stands still. */
const TURNS = 40;
/** Plays at a time: they are busy with starts of processes most of the time. */
const AT_A_TIME = availableParallelism();
/** After this a play has hung, milliseconds. */
const WATCHDOG = Number(process.env['MMFBUS_TEST_WATCHDOG'] ?? 60_000);

/** The life of a process that was killed, as its own record tells. */
export class Life {
  readonly steps: readonly string[];
  /** Where the operation began. */
  readonly #begin: number;

  constructor(steps: readonly string[], begin: number) {
    this.steps = steps;
    this.#begin = begin;
  }

  /** How often it took that step in the operation. */
  count(step: string): number {
    return this.#inOperation().filter((other) => other === step).length;
  }

  /** How often it took that step in all its life. */
  total(step: string): number {
    return this.#ever(step);
  }

  /** Whether it died with the publisher lock. */
  get hasLock(): boolean {
    return this.#ever('lock: taken') + this.#ever('lock: taken over') > this.#ever('lock: released');
  }

  /** Whether it died with a slot. */
  get hasSlot(): boolean {
    return this.#ever('claim: nonce stored') > this.#ever('leave: nonce cleared');
  }

  /** Whether it ever had a slot. */
  get claimed(): boolean {
    return this.#ever('claim: nonce stored') > 0;
  }

  /** Each step of the operation, with how often it came until then; of those that come often, the first and last ones. */
  points(): Point[] {
    const counts = new Map<string, number>();
    const points = this.#inOperation().map((step) => {
      const occurrence = (counts.get(step) ?? 0) + 1;
      counts.set(step, occurrence);
      return { step, occurrence };
    });
    return points.filter(
      ({ step, occurrence }) => occurrence <= MOST_FIRST || occurrence === counts.get(step),
    );
  }

  #inOperation(): readonly string[] {
    return this.steps.slice(this.#begin);
  }

  #ever(step: string): number {
    return this.steps.filter((other) => other === step).length;
  }
}

type Closed = 'left' | 'died';

/** What the survivors must have seen when the victim is dead. */
export interface Outcome {
  /** Messages of the operation, in order; they must arrive without any process doing anything more. */
  readonly messages?: readonly string[];
  /** What the channel is said to be by then, each time; the same. */
  readonly closed?: readonly Closed[];
  /** Reasons that some hear besides, or once more. */
  readonly perhaps?: readonly Closed[];
  /** The same, but others may have to come first. */
  readonly closedLater?: readonly Closed[];
  /** Slots and locks that the survivors recover. Defaults to what the victim died with. */
  readonly recovered?: readonly ('slot' | 'lock')[];
  /** Those subscribers of the process that is awake that were given up. */
  readonly disconnected?: readonly string[];
}

/** A process, what it is doing, and what must come of it wherever in that it is killed. */
export interface Scenario {
  readonly name: string;
  readonly company: Company;
  readonly channel?: Partial<ChannelOptions<string>>;
  /** Whether much can go wrong: it is played everywhere, and after a death also with others that try the same. */
  readonly isHard?: boolean;
  /** Brings about the situation. */
  prepare?(stage: Stage): Promise<void>;
  /** What the victim is killed in. May end with its death at any time. */
  operate(stage: Stage): Promise<void>;
  outcome(life: Life, complete: Life): Outcome;
  /** What else goes on after its death by itself. */
  goOn?(stage: Stage): Promise<void>;
}

/** Has a play performed; when it fails, or hangs, its processes are killed. */
export function onStage<R>(
  folder: string,
  channel: Partial<ChannelOptions<string>> | undefined,
  perform: (stage: Stage) => Promise<R>,
): Promise<R> {
  const stage = new Stage(folder, channel);
  return watched(stage, () => perform(stage));
}

/** The same for any kind of stage. */
export async function watched<R>(
  stage: { readonly pending: string; abandon(): Promise<void> },
  perform: () => Promise<R>,
): Promise<R> {
  let watchdog: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    watchdog = setTimeout(() => reject(new Error(`hung; waits for ${stage.pending}`)), WATCHDOG);
  });
  try {
    return await Promise.race([perform(), hung]);
  } catch (error) {
    await stage.abandon();
    throw error;
  } finally {
    clearTimeout(watchdog);
  }
}

/** Plays it once; the victim dies at the point, or after all of the operation. */
function play(
  scenario: Scenario,
  folder: string,
  point: Point | undefined,
  end: End,
  complete?: Life,
): Promise<Life> {
  return onStage(folder, scenario.channel, (stage) => perform(scenario, stage, point, end, complete));
}

async function perform(
  scenario: Scenario,
  stage: Stage,
  point: Point | undefined,
  end: End,
  complete: Life | undefined,
): Promise<Life> {
  await stage.set(scenario.company);
  const { victim } = stage;
  await scenario.prepare?.(stage);
  await stage.settle();
  const begin = await victim.arm(point, end);
  await scenario.operate(stage);
  victim.seen ??= await victim.ask('seen');
  if (end === 'stall') {
    await stage.release();
    await Promise.all(stage.survivors.map((actor) => actor.ask('turn', TURNS)));
  }
  await victim.kill();
  if (end === 'kill') await stage.release();
  const life = new Life(victim.seen, begin);
  await check(scenario, stage, life, scenario.outcome(life, complete ?? life));
  return life;
}

/** What the dead committed is heard; then others go on, and at last all leave. */
async function check(scenario: Scenario, stage: Stage, life: Life, outcome: Outcome): Promise<void> {
  const { messages = [], closed = [], closedLater = [], disconnected = [] } = outcome;
  const { hasLock, hasSlot } = life;
  stage.published.push(...messages);
  stage.giveUp(disconnected);
  await stage.heard();
  await stage.hearClosed(closed);
  await stage.hearDisconnected();
  await scenario.goOn?.(stage);
  await stage.heard();
  if (stage.publisher !== undefined) await stage.publish(stage.publisher, 'after');
  const next = await stage.enter('next');
  await next.ask('openPublisher');
  await next.ask('openSubscriber', 'next', { delivery: 'reliable' }, true);
  await stage.hearClosed([...closed, ...closedLater]);
  await stage.publish(next, 'last');
  await stage.heard();
  await next.ask('hears', 'next', `message ${stage.published.length} last`);
  await stage.publisher?.ask('closePublisher');
  await next.ask('closePublisher');
  const end = [...closed, ...closedLater, 'left'] as const;
  await stage.hearClosed(end);
  await next.ask('hears', 'next', 'gone left');

  const wholeLog = [
    ...stage.published.map((value, index) => `message ${index + 1} ${value}`),
    ...end.map((reason) => `gone ${reason}`),
  ];
  const perhaps = (outcome.perhaps ?? []).map((reason) => `gone ${reason}`);
  const counts = (entry: string) => !perhaps.includes(entry);
  for (const { actor, name } of stage.seats) {
    const log = sorted(await actor.ask('log', name)).filter(counts);
    expect(log, `${actor.role}'s ${name}`).toEqual(wholeLog.filter(counts));
  }
  const due = [...(hasLock ? ['lock'] : []), ...(hasSlot ? ['slot'] : [])];
  // No process was there to recover anything: the memory was made anew.
  const recovered = scenario.company === 'none' ? [] : (outcome.recovered ?? due);
  expect(await stage.recovered(), 'recovered').toEqual([...recovered].sort());
  expect(await stage.clear(), 'left in the directory').toEqual([]);
}

/** Messages first: they and what is said of publishers come in an order of their own each. */
function sorted(log: readonly string[]): string[] {
  const isMessage = (entry: string) => entry.startsWith('message ');
  return [...log.filter(isMessage), ...log.filter((entry) => !isMessage(entry))];
}

/** Plays it without a kill; what steps come by. */
export function record(scenario: Scenario, folder: string): Promise<Life> {
  return play(scenario, folder, undefined, 'kill');
}

/** The steps at which another process was killed in this file. */
const deaths = new Set<string>();

/** They, in order. */
export function stepsDiedAt(): string[] {
  return [...deaths].sort();
}

/** Where it is worth dying. Processes start slowly on Windows: there, only the first of each step is taken. */
export function chosenPoints(complete: Life): Point[] {
  const points = complete.points();
  return process.platform === 'win32' ? points.filter(({ occurrence }) => occurrence === 1) : points;
}

/** And there, what was died at before is left out. */
function pointsOf(scenario: Scenario, complete: Life): Point[] {
  const points = chosenPoints(complete);
  if (process.platform !== 'win32' || scenario.isHard === true) return points;
  return points.filter(({ step }) => !deaths.has(step));
}

/** Plays it once for each step that comes by in it, and has the victim end there. */
export async function killAtEachStep(scenario: Scenario, folder: string, end: End): Promise<void> {
  const complete = await record(scenario, folder);
  expect(complete.points().length, 'steps').toBeGreaterThan(0);
  const points = pointsOf(scenario, complete);
  const notReached = new Set(points.map(({ step }) => step));
  await atEach(points, async (point) => {
    const life = await play(scenario, folder, point, end, complete);
    // A step may come less often than when it was recorded, where others were faster or slower.
    if (life.count(point.step) < point.occurrence || life.steps.at(-1) !== point.step) return;
    notReached.delete(point.step);
    deaths.add(point.step);
  });
  expect([...notReached], 'steps at which no process was killed').toEqual([]);
}

/** Runs the action for all points, some at a time, and tells at which ones it failed. */
export async function atEach(
  points: readonly Point[],
  action: (point: Point) => Promise<void>,
): Promise<void> {
  const left = [...points];
  const problems: string[] = [];
  const workers = Array.from({ length: AT_A_TIME }, async () => {
    for (let point = left.shift(); point !== undefined; point = left.shift()) {
      try {
        await action(point);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        problems.push(`at '${point.step}' (${point.occurrence}): ${text}`);
      }
    }
  });
  await Promise.all(workers);
  expect(problems).toEqual([]);
}
