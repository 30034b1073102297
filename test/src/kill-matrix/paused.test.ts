import { describe, expect, it } from 'vitest';
import { dismiss } from './cast.js';
import type { Point } from './orders.js';
import { atEach, Life, onStage, record, type Scenario, TIMEOUT } from './play.js';
import { joinings, leaving, publishing } from './scenarios.js';
import { folderForPlays, type Stage } from './stage.js';

const folder = folderForPlays();
/** Turns of the event loop in which a call that waits is looked at. */
const TURNS = 40;

const scenarios = [
  ...publishing.filter(({ name }) =>
    ['publishes', 'publishes a batch over the end of the ring'].includes(name),
  ),
  ...joinings.filter(({ name }) => name === 'joins as a publisher'),
  ...leaving.filter(({ name }) => name === 'leaves as a publisher'),
];

/** The victim is stopped at the point while another one publishes, and goes on after that. */
async function stopAt(scenario: Scenario, point: Point, complete: Life, stage: Stage): Promise<void> {
  await stage.set(scenario.company);
  await scenario.prepare?.(stage);
  await stage.settle();
  const { victim } = stage;
  const publisher = stage.publisher!;
  const begin = await victim.arm(point, 'stop');
  await scenario.operate(stage);
  expect(victim.seen?.at(-1)).toBe(point.step);
  const life = new Life(victim.seen!, begin);
  const messages = scenario.outcome(complete, complete).messages ?? [];
  let waiting = Promise.resolve();
  if (life.hasLock) {
    // A living holder keeps it, however long it does nothing.
    expect(await publisher.ask('tryPublish', 'no')).toBe('busy');
    let isDone = false;
    waiting = publisher.ask('publish', 'p').then(() => {
      isDone = true;
    });
    await publisher.ask('turn', TURNS);
    expect(isDone).toBe(false);
    stage.published.push(...messages, 'p');
  } else {
    expect(await publisher.ask('tryPublish', 'p')).toBe('published');
    const isFirst = life.count('publish: committed') > 0;
    stage.published.push(...(isFirst ? messages : []), 'p', ...(isFirst ? [] : messages));
  }
  // It says that it stops before it does, so that the first signal may come too early.
  const signals = setInterval(() => victim.signal('SIGCONT'), 10);
  await victim.idle().finally(() => clearInterval(signals));
  await waiting;
  await stage.heard();
  for (const { actor, name } of stage.seats) {
    const log = await actor.ask('log', name);
    expect(log).toEqual(stage.published.map((value, index) => `message ${index + 1} ${value}`));
  }
  expect([...(await stage.recovered()), ...(await victim.ask('recovered'))]).toEqual([]);
  await victim.ask('leaveAll');
  dismiss(victim);
  expect(await stage.clear()).toEqual([]);
}

describe.runIf(process.platform !== 'win32')('stopped at any step, and going on later, one that', () => {
  it.each(scenarios)('$name', { timeout: TIMEOUT }, async (scenario) => {
    const complete = await record(scenario, folder);
    await atEach(complete.points(), (point) =>
      onStage(folder, scenario.channel, (stage) => stopAt(scenario, point, complete, stage)),
    );
  });
});
