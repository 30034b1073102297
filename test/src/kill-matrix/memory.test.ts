import { describe, expect, it } from 'vitest';
import type { Point } from './orders.js';
import { atEach, chosenPoints, Life, onStage, TIMEOUT } from './play.js';
import { folderForPlays, type Stage } from './stage.js';

const folder = folderForPlays();
const CAPACITY = 64 * 1024;
const MESSAGE = 's*4000000';
/** So often the ring is emptied before the next look. */
const ROUNDS = 8;
/** Bytes that a subscriber holds of it when its publisher dies, at least, and after that at most. */
const MUCH = 512 * 1024;
const LITTLE = 128 * 1024;

/** A publisher gives up a message half-way and is killed while it leaves; its steps. */
async function forgetsAfter(point: Point | undefined, stage: Stage): Promise<Life> {
  await stage.set('all');
  stage.ignore('lossy');
  const { victim } = stage;
  const [reliable, publisher] = [stage.reliable!, stage.publisher!];
  await victim.ask('openPublisher');
  await stage.publish(victim, 'hello');
  await stage.settle();
  const before = await reliable.ask('memory');
  void victim.ask('publish', MESSAGE);
  while ((await reliable.ask('memory')) < before + MUCH) {
    for (let round = 0; round < ROUNDS; round++) await stage.catchUp();
  }
  await victim.ask('asleep');
  const begin = await victim.arm(point);
  await stage.unlessStopped(victim.ask('closePublisher'));
  victim.seen ??= await victim.ask('seen');
  await victim.kill();
  await stage.catchUp();
  while ((await reliable.ask('memory')) > before + LITTLE);
  await stage.publish(publisher, 'after');
  await stage.heard();
  // The next process sweeps what the dead left that had no slot any more.
  const next = await stage.enter('next');
  await next.ask('openPublisher');
  expect(await stage.clear()).toEqual([]);
  return new Life(victim.seen, begin);
}

describe('of a message that its publisher did not finish', () => {
  it('subscribers keep nothing, wherever it died while it left', { timeout: TIMEOUT }, async () => {
    const channel = { capacity: CAPACITY };
    const life = await onStage(folder, channel, (stage) => forgetsAfter(undefined, stage));
    await atEach(chosenPoints(life), async (point) => {
      await onStage(folder, channel, (stage) => forgetsAfter(point, stage));
    });
  });
});
