import type { ActorProcess } from './cast.js';
import type { Life, Scenario } from './play.js';
import { LARGE } from './scenarios.js';
import { type Stage, unlessDied } from './stage.js';

/*
 * Two deaths: a process dies, and the victim, which recovers from that, dies in the middle of it. Every other process stands
 * still from before the first death on, so that it is the victim who recovers.
 */

/** A publisher that dies with its message committed and no bell rung: with the lock, and with its slot. */
async function enterPublisher(stage: Stage): Promise<ActorProcess> {
  const first = await stage.enter('first');
  await first.ask('openPublisher');
  await stage.publish(first, 'one');
  return first;
}

async function dieCommitting(stage: Stage, first: ActorProcess): Promise<void> {
  await first.arm({ step: 'publish: committed', occurrence: 1 });
  await unlessDied(first.ask('tryPublish', 'f1'));
  await first.ended();
  stage.published.push('f1');
}

/** What is left of two deaths, where the first one died with a slot and perhaps with the lock. */
function leftOf(life: Life, hadLock: boolean): ('lock' | 'slot')[] {
  const firstLock = hadLock && life.count('lock: taken over') === 0;
  const slots = (life.count('leave: nonce cleared') > 0 ? 0 : 1) + (life.claimed ? 1 : 0);
  return [...(firstLock || life.hasLock ? ['lock' as const] : []), ...Array<'slot'>(slots).fill('slot')];
}

/** Who died between the word and the taking of the role leaves the next one to say it again. */
function toldTwice(life: Life): 'died'[] {
  return life.count('leave: closed') > 0 && life.count('leave: state stored') === 0 ? ['died'] : [];
}

/** The one who dies first. */
const firsts = new WeakMap<Stage, ActorProcess>();

export const recovering: readonly Scenario[] = [
  {
    name: 'publishes after one that died with the lock',
    company: 'subscribers',
    prepare: async (stage) => {
      firsts.set(stage, await enterPublisher(stage));
      await stage.victim.ask('openPublisher');
      await stage.publish(stage.victim, 'two');
    },
    operate: async (stage) => {
      const first = firsts.get(stage)!;
      await stage.hold(first);
      await dieCommitting(stage, first);
      await stage.unlessStopped(stage.victim.ask('tryPublish', 'v1'));
    },
    outcome: (life) => ({
      messages: life.count('publish: committed') > 0 ? ['v1'] : [],
      closed: ['died'],
      recovered: leftOf(life, true),
    }),
  },
  {
    name: 'hears of the death of the last publisher, which had the lock, as a subscriber that sleeps',
    isHard: true,
    company: 'subscribers',
    prepare: async (stage) => {
      firsts.set(stage, await enterPublisher(stage));
      await stage.victim.ask('openSubscriber', 'v', {}, true);
      await stage.publish(firsts.get(stage)!, 'two');
      await stage.victim.ask('hears', 'v', 'message 2 two');
      await stage.victim.ask('asleep');
    },
    operate: async (stage) => {
      const first = firsts.get(stage)!;
      await stage.hold(first);
      await dieCommitting(stage, first);
      await stage.unlessStopped(stage.victim.ask('hears', 'v', 'message 3 f1'));
      await stage.unlessStopped(stage.victim.ask('hears', 'v', 'gone died'));
      await stage.unlessStopped(stage.victim.ask('asleep'));
    },
    outcome: (life) => ({
      closed: ['died'],
      perhaps: toldTwice(life),
      recovered: leftOf(life, true),
    }),
  },
  {
    name: 'hears of the death of the subscriber that it waits for, as a publisher',
    isHard: true,
    company: 'all',
    prepare: async (stage) => {
      const first = await stage.enter('first');
      firsts.set(stage, first);
      await first.ask('openSubscriber', 'f', { delivery: 'reliable' });
      await stage.victim.ask('openPublisher');
      await stage.publish(stage.victim, 'two');
      await stage.fill(stage.publisher!, `x*${LARGE}`);
      await stage.catchUp();
      await stage.settle();
      stage.waiting = stage.publisher!.ask('publish', `w1*${LARGE}`);
      await stage.publisher!.ask('asleep');
    },
    operate: async (stage) => {
      const first = firsts.get(stage)!;
      const published = stage.victim.ask('publish', `v1*${LARGE}`);
      await stage.unlessStopped(stage.victim.ask('asleep'));
      await stage.hold(first);
      await first.kill();
      await stage.unlessStopped(published);
    },
    outcome: (life) => ({
      messages: life.count('publish: committed') > 0 ? [`v1*${LARGE}`] : [],
      recovered: leftOf(life, false),
    }),
    goOn: async (stage) => {
      await stage.waiting;
      stage.published.push(`w1*${LARGE}`);
    },
  },
  {
    name: 'joins after a death',
    company: 'subscribers',
    prepare: async (stage) => {
      firsts.set(stage, await enterPublisher(stage));
    },
    operate: async (stage) => {
      const first = firsts.get(stage)!;
      await stage.hold(first);
      await dieCommitting(stage, first);
      await stage.unlessStopped(stage.victim.ask('openSubscriber', 'v', { delivery: 'lossy' }));
    },
    outcome: (life) => ({
      closed: ['died'],
      perhaps: toldTwice(life),
      recovered: leftOf(life, true),
    }),
  },
  {
    name: 'joins in the place of a dead publisher, where all are taken',
    isHard: true,
    company: 'subscribers',
    // Those of the company, and two.
    channel: { maxParticipants: 6 },
    prepare: async (stage) => {
      const first = await enterPublisher(stage);
      firsts.set(stage, first);
      await first.ask('openSubscriber', 'f', { delivery: 'lossy' });
    },
    operate: async (stage) => {
      const first = firsts.get(stage)!;
      await stage.hold(first);
      await dieCommitting(stage, first);
      await stage.unlessStopped(stage.victim.ask('openSubscriber', 'v', { delivery: 'lossy' }));
    },
    outcome: (life) => {
      const taken = life.count('reclaim: role taken');
      return {
        closed: ['died'],
        perhaps: toldTwice(life),
        // Its own place is one of the two.
        recovered: [
          ...(life.hasLock || life.count('lock: taken over') === 0 ? ['lock' as const] : []),
          ...Array<'slot'>(2 - (taken > 0 ? life.count('leave: nonce cleared') : 0)).fill('slot'),
        ],
      };
    },
  },
];
