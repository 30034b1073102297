import { expect } from 'vitest';
import type { Point } from '../orders.js';
import { atEach, chosenPoints, Life, watched } from '../play.js';
import { unlessDied } from '../stage.js';
import { allSteps } from '../steps.js';
import { judge } from './judge.js';
import type { CallScenario } from './scenarios.js';
import { Stage } from './stage.js';

/** Who is killed. */
export type Killed = 'server' | 'client';

/** The steps at which another process was killed in this file, by its kind. */
const deaths = { server: new Set<string>(), client: new Set<string>() };
const ownSteps = new Set(allSteps('service'));
/**
 * On Windows each play takes four times as long, and what calls do is the same: there each kind of process dies once at each step, and once
 * after each scenario.
 */
const diesInEverySituation = process.platform !== 'win32';

/** The steps of calls at which a process was killed, in order. */
export function stepsDiedAt(): string[] {
  const steps = new Set([...deaths.server, ...deaths.client]);
  return [...steps].filter((step) => ownSteps.has(step)).sort();
}

/**
 * Where it is worth dying: at the steps of calls in every situation; and once for each kind of process at those of channels, at
 * which the other matrix has a process die in every situation. Going to sleep and waking up is a matter of time.
 */
function pointsOf(complete: Life, killed: Killed): Point[] {
  const points = chosenPoints(complete);
  expect(points.length, 'steps').toBeGreaterThan(0);
  return points.filter(({ step, occurrence }) => {
    if (ownSteps.has(step) && diesInEverySituation) return true;
    return occurrence === 1 && !/^(sleep|wake|ring):/.test(step) && !deaths[killed].has(step);
  });
}

/** Plays it once for each step that comes by in it, and has the victim end there. */
export async function killAtEachStep(scenario: CallScenario, folder: string, killed: Killed): Promise<void> {
  const complete = await play(scenario, folder, killed, undefined);
  await atEach(pointsOf(complete, killed), async (point) => {
    const life = await play(scenario, folder, killed, point);
    // A step may come less often than when it was recorded, where others were faster or slower.
    if (life.steps.at(-1) === point.step) deaths[killed].add(point.step);
  });
}

/** Plays it once; the victim dies at the point, or after all of the operation. */
function play(
  scenario: CallScenario,
  folder: string,
  killed: Killed,
  point: Point | undefined,
): Promise<Life> {
  const stage = new Stage(folder);
  return watched(stage, async () => {
    await scenario.prepare(stage);
    const begin = await stage.arm(point);
    await scenario.operate(stage);
    const { victim } = stage;
    if (victim.seen === undefined) {
      // It may be about to stop.
      await unlessDied(victim.ask('seen').then((steps) => (victim.seen ??= steps)));
    }
    await victim.kill();
    const life = new Life(victim.seen ?? [], begin);
    if (killed === 'server') await checkCaller(scenario, stage, life);
    else await checkServer(scenario, stage, life);
    expect(await stage.clear(), 'left in the directory').toEqual([]);
    return life;
  });
}

/** After the death of a server: its calls are answered by another, or are known to be lost. */
async function checkCaller(scenario: CallScenario, stage: Stage, life: Life): Promise<void> {
  if (!stage.has('other')) await stage.enterServer('other');
  await scenario.goOn?.(stage);
  const caller = stage.party('caller');
  await stage.call(caller, 'echo', 'after');
  for (const entry of stage.journal) if (entry.what === 'made') await caller.ask('settled', entry.key);
  await caller.ask('isServed');
  await stage.party('other').ask('hasCalls', 0);
  const next = await stage.enterClient('next');
  await stage.call(next, 'echo', 'last');
  await next.ask('settled', 'last');
  const { mayFail = {} } = scenario;
  const unanswered = life.total('server: started') - life.total('server: answered');
  judge(stage.journal, { clients: ['caller', 'next'], mayFail, mostLost: unanswered });
}

/** After the death of a client: its handlers are told, and others are served as before. */
async function checkServer(scenario: CallScenario, stage: Stage, life: Life): Promise<void> {
  const server = stage.party('server');
  await server.ask('hasCalls', 0);
  await scenario.goOn?.(stage);
  const next = await stage.enterClient('next');
  await stage.call(next, 'echo', 'last');
  await next.ask('settled', 'last');
  await next.ask('isServed');
  const { mayFail = {} } = scenario;
  const { journal } = stage;
  judge(journal, { clients: ['next'], mayFail, mostLost: 1 });
  for (const key of scenario.cancelled?.(life) ?? []) {
    const told = journal.filter((entry) => entry.what === 'cancelled' && entry.key === key);
    expect(told.length, `${key} was told that it is cancelled`).toBe(1);
  }
}
