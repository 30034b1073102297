import { type CallOptions, outcomeOf, REASON, type Scene, type Situation, type Subject } from './contract.js';
import type { Kit } from './kit.js';

/** Milliseconds that a call with a time-out waits for what does not come. */
const SHORT_TIMEOUT = 20;

type Play = (kit: Kit, subject: Subject) => Promise<string>;

function sceneOf(kit: Kit, { name, scene }: Subject): Promise<Scene> {
  if (scene === undefined) throw new Error(`${name} has no scene`);
  return kit.until('the scene to be set', scene(kit));
}

function peerSceneOf(kit: Kit, { name, peerScene }: Subject, end: 'killed' | 'stopped'): Promise<Scene> {
  if (peerScene === undefined) throw new Error(`${name} has no scene with a peer`);
  return kit.until('the scene with the peer to be set', peerScene(kit, end));
}

function start(scene: Scene, options?: CallOptions): Promise<string> {
  return outcomeOf(() => scene.call(options));
}

function ended(kit: Kit, ...outcomes: Promise<string>[]): Promise<string> {
  const all = Promise.all(outcomes).then((texts) => texts.join(', '));
  return kit.until('the call to settle', all);
}

async function after(
  kit: Kit,
  subject: Subject,
  what: 'close' | 'drain',
  prepare: (scene: Scene) => unknown = () => {},
): Promise<string> {
  const scene = await sceneOf(kit, subject);
  await prepare(scene);
  await kit.until(`${what} to settle`, scene[what]?.());
  return ended(kit, start(scene));
}

async function inBadTimes(
  kit: Kit,
  subject: Subject,
  meanwhile: (action: () => Promise<string>) => Promise<string>,
): Promise<string> {
  const scene = await sceneOf(kit, subject);
  await scene.release?.();
  const during = await meanwhile(() => ended(kit, start(scene)));
  return `${during}, then ${await ended(kit, start(scene))}`;
}

/** How each situation is played with any call. */
export const plays: Readonly<Record<Situation, Play | undefined>> = {
  'called after close': (kit, subject) => after(kit, subject, 'close'),
  'closed while it waits': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const outcome = start(scene);
    await kit.waits(outcome);
    await kit.until('close to settle', scene.close?.());
    return ended(kit, outcome);
  },
  'called after drain': (kit, subject) => after(kit, subject, 'drain', (scene) => scene.release?.()),
  'drained while it waits': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const outcome = start(scene);
    await kit.waits(outcome);
    const drained = outcomeOf(() => scene.drain?.());
    await kit.turns();
    await scene.release?.();
    return ended(kit, outcome, drained);
  },
  aborted: async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const { signal, abort } = kit.signal();
    const outcome = start(scene, { signal });
    await kit.waits(outcome);
    abort();
    return ended(kit, outcome);
  },
  'aborted before': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    return ended(kit, start(scene, { signal: AbortSignal.abort(REASON) }));
  },
  'timed out': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    return ended(kit, start(scene, { timeout: SHORT_TIMEOUT }));
  },
  cancelled: async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const outcome = start(scene);
    await kit.waits(outcome);
    return ended(
      kit,
      outcome,
      outcomeOf(() => scene.cancel?.()),
    );
  },
  'its listener is removed': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const outcome = start(scene);
    await kit.waits(outcome);
    scene.removeListener?.();
    await scene.release?.();
    return ended(kit, outcome);
  },
  'called twice': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    const outcomes = [start(scene), start(scene)];
    await kit.turns();
    await scene.release?.();
    return ended(kit, ...outcomes);
  },
  'called inside a handler': async (kit, subject) => {
    const scene = await sceneOf(kit, subject);
    let outcome: Promise<string> | undefined;
    const inside = scene.inside ?? ((action: () => unknown) => insideHandler(kit, action));
    await kit.until(
      'the handler to be called',
      inside(() => (outcome = start(scene))),
    );
    await scene.release?.();
    return ended(kit, outcome!);
  },
  'called re-entrantly': undefined,
  'its callback throws': undefined,
  'the peer dies': async (kit, subject) => {
    const scene = await peerSceneOf(kit, subject, 'killed');
    const outcome = start(scene);
    await kit.turns();
    await scene.release?.();
    return ended(kit, outcome);
  },
  'the peer is stopped': async (kit, subject) => {
    const scene = await peerSceneOf(kit, subject, 'stopped');
    const timedOut = await ended(kit, start(scene, { timeout: SHORT_TIMEOUT }));
    const { signal, abort } = kit.signal();
    const outcome = start(scene, { signal });
    await kit.waits(outcome);
    abort();
    const aborted = await ended(kit, outcome);
    await scene.release?.();
    return `${timedOut}, ${aborted}, then ${await ended(kit, start(scene))}`;
  },
  'without descriptors': (kit, subject) =>
    inBadTimes(kit, subject, (action) => kit.withoutDescriptors(action)),
  'without space': (kit, subject) => inBadTimes(kit, subject, (action) => kit.withoutSpace(action)),
};

/** Runs the action in a `message` handler of a channel that nothing else is about. */
async function insideHandler(kit: Kit, action: () => unknown): Promise<void> {
  const channel = kit.define();
  const subscriber = await kit.subscriber(channel);
  const publisher = await kit.publisher(channel);
  const handled = new Promise<void>((resolve) => {
    subscriber.on('message', () => {
      void action();
      resolve();
    });
  });
  publisher.tryPublish('go');
  await handled;
}
