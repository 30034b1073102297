import type { PublisherOptions, SubscriberOptions } from '@mmfbus/channel';
import type { Life, Outcome, Scenario } from './play.js';
import type { Stage } from './stage.js';

/** Four of these fit into the ring; the next one stands at its start, behind padding. */
export const LARGE = 960;

/** Has the victim join as a publisher, and be known to every process. */
async function joinAsPublisher(stage: Stage, options?: PublisherOptions): Promise<void> {
  await stage.victim.ask('openPublisher', options);
  await stage.publish(stage.victim, 'hello');
}

/** Has the victim join as the subscriber `v`, and be known to every process. */
async function joinAsSubscriber(stage: Stage, options: SubscriberOptions, listens: boolean): Promise<void> {
  await stage.victim.ask('openSubscriber', 'v', options, listens);
  await stage.publish(stage.publisher!, 'second');
  if (listens) {
    await stage.victim.ask('hears', 'v', 'message 2 second');
    await stage.victim.ask('asleep');
  }
}

/** Takes the ring to where the next large message needs padding before it and moves the head. */
async function goToTheEnd(stage: Stage, publisher = stage.victim): Promise<void> {
  for (let count = 0; count < 4; count++) {
    await stage.publish(publisher, `e${count}*${LARGE}`);
    await stage.heard();
  }
}

const ifCommitted =
  (...messages: readonly string[]) =>
  (life: Life): Outcome => ({ messages: life.count('publish: committed') > 0 ? messages : [] });

const ifAllCommitted =
  (...messages: readonly string[]) =>
  (life: Life, complete: Life): Outcome => {
    const isWhole = life.count('publish: committed') === complete.count('publish: committed');
    return { messages: isWhole ? messages : [] };
  };

const nothing = (): Outcome => ({});

/** A publisher is killed while it publishes. */
export const publishing: readonly Scenario[] = [
  {
    name: 'publishes',
    company: 'all',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('tryPublish', 'v1')),
    outcome: ifCommitted('v1'),
  },
  {
    name: 'publishes as the only publisher',
    isHard: true,
    company: 'subscribers',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('tryPublish', 'v1')),
    outcome: (life) => ({ ...ifCommitted('v1')(life), closed: ['died'] }),
  },
  {
    name: 'publishes over the end of the ring',
    company: 'all',
    prepare: async (stage) => {
      await joinAsPublisher(stage);
      await goToTheEnd(stage);
    },
    operate: (stage) => stage.unlessStopped(stage.victim.ask('tryPublish', `v1*${LARGE}`)),
    outcome: ifCommitted(`v1*${LARGE}`),
  },
  {
    name: 'publishes a batch',
    company: 'subscribers',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('tryPublishAll', ['b1', 'b2', 'b3'])),
    outcome: (life) => ({ ...ifCommitted('b1', 'b2', 'b3')(life), closed: ['died'] }),
  },
  {
    name: 'publishes a batch over the end of the ring',
    company: 'all',
    prepare: async (stage) => {
      await joinAsPublisher(stage);
      await goToTheEnd(stage);
    },
    operate: (stage) => stage.unlessStopped(stage.victim.ask('tryPublishAll', ['b1', 'b2*100', 'b3'])),
    outcome: ifCommitted('b1', 'b2*100', 'b3'),
  },
  {
    name: 'waits for room and publishes',
    company: 'all',
    prepare: async (stage) => {
      await joinAsPublisher(stage);
      await stage.fill(stage.victim, `x*${LARGE}`);
    },
    operate: async (stage) => {
      const published = stage.victim.ask('publish', `w1*${LARGE}`);
      await stage.unlessStopped(Promise.race([published, stage.victim.ask('asleep')]));
      await stage.catchUp();
      await stage.unlessStopped(published);
    },
    outcome: ifCommitted(`w1*${LARGE}`),
  },
  {
    name: 'waits for subscribers',
    company: 'all',
    prepare: joinAsPublisher,
    operate: async (stage) => {
      const found = stage.victim.ask('waitForSubscribers', 5);
      await stage.unlessStopped(Promise.race([found, stage.victim.ask('asleep')]));
      const fifth = await stage.enter('fifth');
      await fifth.ask('openSubscriber', 'fifth', { delivery: 'lossy' });
      await stage.unlessStopped(found);
    },
    outcome: nothing,
  },
  {
    name: 'publishes a split message',
    isHard: true,
    company: 'all',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('publish', 's*1900')),
    outcome: ifAllCommitted('s*1900'),
  },
  {
    name: 'publishes a split message that is larger than the ring',
    company: 'subscribers',
    prepare: async (stage) => {
      await joinAsPublisher(stage);
      await stage.heard();
      // They may be lapped.
      stage.ignore('lossy');
    },
    operate: async (stage) => {
      let isDone = false;
      const published = stage.unlessStopped(stage.victim.ask('publish', 's*4500'));
      const done = published.finally(() => {
        isDone = true;
      });
      while (!isDone) await stage.catchUp();
      await done;
    },
    outcome: (life, complete) => ({ ...ifAllCommitted('s*4500')(life, complete), closed: ['died'] }),
  },
  {
    name: 'disconnects the slow',
    company: 'all',
    prepare: async (stage) => {
      await joinAsPublisher(stage, { slowSubscribers: 'disconnect' });
      await stage.fill(stage.publisher!, `x*${LARGE}`);
      await stage.awake!.ask('poll', 'lossy');
    },
    operate: async (stage) => {
      await stage.unlessStopped(stage.victim.ask('tryPublish', `v1*${LARGE}`));
      stage.isLate = false;
    },
    outcome: (life) => ({
      ...ifCommitted(`v1*${LARGE}`)(life),
      disconnected: life.count('disconnect: state stored') > 0 ? ['reliable'] : [],
    }),
  },
];

/** As {@link Scenario}, for a process that joins. */
function joining(
  name: string,
  company: Scenario['company'],
  join: (stage: Stage) => Promise<void>,
  outcome: Scenario['outcome'] = nothing,
  more: Partial<Scenario> = {},
): Scenario {
  return { name, company, operate: (stage) => stage.unlessStopped(join(stage)), outcome, ...more };
}

const asPublisher = (stage: Stage) => stage.victim.ask('openPublisher');
const asSubscriber = (options: SubscriberOptions) => (stage: Stage) =>
  stage.victim.ask('openSubscriber', 'v', options);

/** A process that joined with an old cursor and died must not hold publishers back. */
async function fillTwice(stage: Stage): Promise<void> {
  for (let count = 0; count < 8; count++) {
    await stage.publish(stage.publisher!, `f${count}*${LARGE}`);
    await stage.heard();
  }
}

/** From the first message on, whether it is there still or not. */
async function joinAfterNone(stage: Stage): Promise<void> {
  const incarnation = await stage.publisher!.ask('incarnation');
  await asSubscriber({ start: { after: { incarnation, sequence: 0 } } })(stage);
}

const starts = ['latest', 'earliest', 'history'] as const;
const modes = ['reliable', 'lossy'] as const;

/** Another process is killed while it joins. */
export const joinings: readonly Scenario[] = [
  joining('creates the channel as a publisher', 'none', asPublisher),
  joining('creates the channel as a subscriber', 'none', asSubscriber({})),
  joining('joins as a publisher', 'all', asPublisher),
  joining('joins as the only publisher', 'subscribers', asPublisher, (life) => {
    if (life.count('join: state stored') === 0) return {};
    // Subscribers that were not rung yet know of no process that could die.
    return life.count('lock: released') === 2 ? { closed: ['died'] } : { closedLater: ['died'] };
  }),
  joining('joins as a lossy subscriber', 'all', asSubscriber({ delivery: 'lossy' })),
  joining('joins as a reliable subscriber after message 0', 'all', joinAfterNone, nothing, {
    goOn: fillTwice,
  }),
  ...starts.map((start) =>
    joining(`joins as a reliable subscriber from ${start}`, 'all', asSubscriber({ start }), nothing, {
      channel: start === 'history' ? { history: 2, maxMessage: 200 } : {},
      goOn: start === 'history' ? async () => {} : fillTwice,
    }),
  ),
];

/** Has the publisher wait for room, which the victim keeps from it. */
async function keepFromPublishing(stage: Stage): Promise<void> {
  await joinAsSubscriber(stage, { delivery: 'reliable' }, false);
  await stage.fill(stage.publisher!, `x*${LARGE}`);
  await stage.catchUp();
  await stage.settle();
  stage.waiting = stage.publisher!.ask('publish', `w1*${LARGE}`);
  await stage.publisher!.ask('asleep');
}

async function publishesAtLast(stage: Stage): Promise<void> {
  await stage.waiting;
  stage.published.push(`w1*${LARGE}`);
}

/** A subscriber is killed while it takes messages, or rests. */
export const taking: readonly Scenario[] = [
  {
    name: 'takes what a publisher waits for',
    isHard: true,
    company: 'all',
    prepare: keepFromPublishing,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('poll', 'v')),
    outcome: nothing,
    goOn: publishesAtLast,
  },
  ...modes.map(
    (mode): Scenario => ({
      name: `is woken, takes a message and sleeps, as a ${mode} subscriber`,
      company: 'all',
      prepare: (stage) => joinAsSubscriber(stage, { delivery: mode }, true),
      operate: async (stage) => {
        await stage.publish(stage.publisher!, 'third');
        await stage.unlessStopped(stage.victim.ask('hears', 'v', 'message 3 third'));
        await stage.unlessStopped(stage.victim.ask('asleep'));
      },
      outcome: nothing,
    }),
  ),
  {
    name: 'goes to sleep',
    company: 'all',
    prepare: (stage) => joinAsSubscriber(stage, { delivery: 'reliable' }, false),
    operate: async (stage) => {
      await stage.unlessStopped(stage.victim.ask('listen', 'v'));
      await stage.unlessStopped(stage.victim.ask('asleep'));
    },
    outcome: nothing,
  },
  {
    name: 'is lapped',
    company: 'all',
    prepare: async (stage) => {
      await joinAsSubscriber(stage, { delivery: 'lossy' }, false);
      await goToTheEnd(stage, stage.publisher);
      await goToTheEnd(stage, stage.publisher);
    },
    operate: (stage) => stage.unlessStopped(stage.victim.ask('poll', 'v')),
    outcome: nothing,
  },
];

/** Another process is killed while it leaves. */
export const leaving: readonly Scenario[] = [
  {
    name: 'leaves as a publisher',
    company: 'all',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closePublisher')),
    outcome: nothing,
  },
  {
    name: 'leaves as the last publisher',
    isHard: true,
    company: 'subscribers',
    prepare: joinAsPublisher,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closePublisher')),
    outcome: (life) => {
      if (life.count('leave: state stored') > 0) return { closed: ['left'] };
      // In between it has said so, and is a publisher still: those that are awake may hear of both.
      return { closed: ['died'], perhaps: life.count('leave: closed') > 0 ? ['left'] : [] };
    },
  },
  {
    name: 'leaves as the reliable subscriber that a publisher waits for',
    isHard: true,
    company: 'all',
    prepare: keepFromPublishing,
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closeSubscriber', 'v')),
    outcome: nothing,
    goOn: publishesAtLast,
  },
  {
    name: 'leaves as a lossy subscriber that slept',
    company: 'all',
    prepare: (stage) => joinAsSubscriber(stage, { delivery: 'lossy' }, true),
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closeSubscriber', 'v')),
    outcome: nothing,
  },
  ...modes.map(
    (mode): Scenario => ({
      name: `leaves with the last publisher, as a ${mode} subscriber`,
      company: 'all',
      prepare: (stage) => joinAsSubscriber(stage, { delivery: mode, closeWithPublishers: true }, true),
      operate: async (stage) => {
        const { publisher } = stage;
        stage.publisher = undefined;
        await publisher!.ask('closePublisher');
        await stage.unlessStopped(stage.victim.ask('hears', 'v', 'close left'));
      },
      outcome: () => ({ closed: ['left'] }),
    }),
  ),
  {
    name: 'leaves as a publisher, the last one of all',
    company: 'none',
    prepare: (stage) => stage.victim.ask('openPublisher'),
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closePublisher')),
    outcome: nothing,
  },
  {
    name: 'leaves as a subscriber, the last one of all',
    company: 'none',
    prepare: (stage) => stage.victim.ask('openSubscriber', 'v', {}, true),
    operate: (stage) => stage.unlessStopped(stage.victim.ask('closeSubscriber', 'v')),
    outcome: nothing,
  },
];
