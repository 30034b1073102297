import type { Life } from '../play.js';
import { FOR_EVER, type Stage } from './stage.js';

/** A process, what it is doing, and what may come of it wherever in that it is killed. */
export interface CallScenario {
  readonly name: string;
  /** Whether it needs what Windows does not have. */
  readonly isPosix?: boolean;
  /** Brings about the situation, and enters the victim. */
  prepare(stage: Stage): Promise<void>;
  /** What the victim is killed in. */
  operate(stage: Stage): Promise<void>;
  /** What goes on after its death: at the latest then its calls can be run by another. */
  goOn?(stage: Stage): Promise<void>;
  /** Errors that calls may have, by their keys; see `judge.ts`. */
  readonly mayFail?: Readonly<Record<string, readonly string[]>>;
  /** Whether a handler of the victim must have been told that it is cancelled, by the key of its call. */
  cancelled?(life: Life): readonly string[];
}

/** Bytes of a stream item, of which a few use up the credit. */
const ITEM = 8_000;
const ITEMS = 24;
/** Bytes of a call that is sent in parts. */
const LARGE = 300_000;

const caller = (stage: Stage) => stage.party('caller');
const other = (stage: Stage) => stage.party('other');

/** A server is killed. Its client is `caller`; the server `other` comes after its death where it is not there before. */
export const servers: readonly CallScenario[] = [
  {
    name: 'begins to serve, and answers the calls that wait',
    async prepare(stage) {
      await stage.enterClient('caller');
      await stage.enterVictim();
      for (const key of ['a', 'b']) await stage.call(caller(stage), 'echo', key);
    },
    async operate(stage) {
      await stage.unlessStopped(stage.victim.ask('serve', 'victim'));
      await stage.settle('caller', ['a', 'b']);
    },
  },
  {
    name: 'answers the first call of a client',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'echo', 'a');
      await stage.settle('caller', ['a']);
    },
  },
  {
    name: 'answers calls at once and later, one way and in parts',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
      await stage.call(caller(stage), 'echo', 'first');
      await caller(stage).ask('settled', 'first');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'later', 'a');
      await stage.call(caller(stage), 'note', 'b');
      await stage.call(caller(stage), 'echo', 'c', { size: LARGE });
      await stage.call(caller(stage), 'echo', 'd');
      await stage.settle('caller', ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'has calls that wait for their turn, beside another server',
    async prepare(stage) {
      await stage.enterVictimServer({ concurrency: 1, queue: 2 });
      await stage.enterServer('other');
      await stage.enterClient('caller');
    },
    async operate(stage) {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      for (const key of keys) await stage.call(caller(stage), 'later', key);
      await stage.settle('caller', keys);
    },
  },
  {
    name: 'runs a call that may run again',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'gateAgain', 'a');
      await stage.unlessStopped(stage.victim.ask('entered', 'a'));
      await stage.unlessStopped(stage.victim.ask('release', 'a'));
      await stage.settle('caller', ['a']);
    },
    async goOn(stage) {
      // Where it runs again there.
      await other(stage).ask('release', 'a');
    },
  },
  {
    name: 'answers with a stream',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'count', 'a', { items: ITEMS, size: ITEM });
      await stage.settle('caller', ['a']);
    },
  },
  {
    name: 'takes a stream',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'total', 'a', { items: ITEMS, size: ITEM });
      await stage.settle('caller', ['a']);
    },
  },
  {
    name: 'relays a stream',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'both', 'a', { items: ITEMS, size: ITEM });
      await stage.settle('caller', ['a']);
    },
  },
  {
    name: 'is told that calls were given up',
    async prepare(stage) {
      await stage.enterVictimServer({ concurrency: 1 });
      await stage.enterClient('caller');
      await stage.call(caller(stage), 'gate', 'running');
      await stage.victim.ask('entered', 'running');
      await stage.call(caller(stage), 'gate', 'waiting');
      await stage.victim.ask('hasCalls', 2);
    },
    async operate(stage) {
      await caller(stage).ask('abort', 'waiting');
      await caller(stage).ask('abort', 'running');
      await stage.call(caller(stage), 'echo', 'next');
      await stage.settle('caller', ['running', 'waiting', 'next']);
    },
    mayFail: { running: ['CANCELLED'], waiting: ['CANCELLED'] },
  },
  {
    name: 'is told that a stream is not read any more',
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterClient('caller');
    },
    async operate(stage) {
      await stage.call(caller(stage), 'count', 'a', { items: 1e6, size: ITEM, leaveAfter: 3 });
      await stage.settle('caller', ['a']);
      await stage.unlessStopped(caller(stage).ask('isServed'));
    },
  },
  {
    name: 'drains, with calls that run and that wait',
    async prepare(stage) {
      await stage.enterVictimServer({ concurrency: 1 });
      await stage.enterClient('caller');
      await stage.call(caller(stage), 'gate', 'running');
      await stage.victim.ask('entered', 'running');
      await stage.call(caller(stage), 'echo', 'waiting');
      await stage.call(caller(stage), 'note', 'one-way');
      await stage.victim.ask('hasCalls', 3);
      await stage.enterServer('other');
    },
    async operate(stage) {
      const drained = stage.victim.ask('drain');
      await stage.settle('caller', ['waiting', 'one-way']);
      await stage.unlessStopped(stage.victim.ask('release', 'running'));
      await stage.settle('caller', ['running']);
      await stage.unlessStopped(drained);
    },
  },
  {
    name: 'closes, with calls that run and that wait',
    async prepare(stage) {
      await stage.enterVictimServer({ concurrency: 1 });
      await stage.enterClient('caller');
      await stage.call(caller(stage), 'gate', 'running');
      await stage.victim.ask('entered', 'running');
      await stage.call(caller(stage), 'echo', 'waiting');
      await stage.victim.ask('hasCalls', 2);
      await stage.enterServer('other');
    },
    async operate(stage) {
      await stage.unlessStopped(stage.victim.ask('closeServer'));
      await stage.settle('caller', ['running', 'waiting']);
    },
  },
  {
    name: 'cannot answer a client',
    isPosix: true,
    async prepare(stage) {
      await stage.enterVictimServer();
      await stage.enterServer('other');
      await stage.enterClient('caller');
      await stage.victim.ask('useUpDescriptors', true);
    },
    async operate(stage) {
      for (const key of ['a', 'b', 'c']) await stage.call(caller(stage), 'echo', key);
      await stage.settle('caller', ['a', 'b', 'c']);
      await stage.unlessStopped(stage.victim.ask('useUpDescriptors', false));
    },
  },
];

/** A client is killed. The server is `server`, and `witness` another client. */
export const clients: readonly CallScenario[] = [
  {
    name: 'joins',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictim();
    },
    async operate(stage) {
      await stage.unlessStopped(stage.victim.ask('openClient', 'victim', FOR_EVER));
    },
  },
  {
    name: 'makes calls',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictimClient();
    },
    async operate(stage) {
      await stage.victimCalls('echo', 'a');
      await stage.victimCalls('later', 'b');
      await stage.victimCalls('note', 'c');
      await stage.victimCalls('echo', 'd', { size: LARGE });
      await stage.settleVictim(['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'gives up calls that run and that wait',
    async prepare(stage) {
      const server = await stage.enterServer('server', { concurrency: 1 });
      await stage.enterVictimClient();
      await stage.call(stage.victim, 'gate', 'running');
      await server.ask('entered', 'running');
      await stage.call(stage.victim, 'echo', 'waiting');
      await server.ask('hasCalls', 2);
    },
    async operate(stage) {
      await stage.unlessStopped(stage.victim.ask('abort', 'waiting'));
      await stage.unlessStopped(stage.victim.ask('abort', 'running'));
      await stage.settleVictim(['running', 'waiting']);
    },
    mayFail: { running: ['CANCELLED'], waiting: ['CANCELLED'] },
    cancelled: () => ['running'],
  },
  {
    name: 'has calls that time out',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictimClient();
    },
    async operate(stage) {
      await stage.victimCalls('gate', 'a', { timeout: 30 });
      await stage.settleVictim(['a']);
    },
    mayFail: { a: ['TIMEOUT'] },
  },
  {
    name: 'reads a stream',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictimClient();
    },
    async operate(stage) {
      await stage.victimCalls('count', 'a', { items: ITEMS, size: ITEM });
      await stage.settleVictim(['a']);
    },
  },
  {
    name: 'leaves a stream',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictimClient();
    },
    async operate(stage) {
      await stage.victimCalls('count', 'a', { items: 1e6, size: ITEM, leaveAfter: 3 });
      await stage.settleVictim(['a']);
    },
    cancelled: (life) => (life.count('call: cancelled') > 0 ? ['a'] : []),
  },
  {
    name: 'sends a stream',
    async prepare(stage) {
      await stage.enterServer('server');
      await stage.enterVictimClient();
    },
    async operate(stage) {
      await stage.victimCalls('total', 'a', { items: ITEMS, size: ITEM });
      await stage.settleVictim(['a']);
    },
  },
  {
    name: 'moves calls from a server that drains',
    async prepare(stage) {
      const server = await stage.enterServer('first', { concurrency: 1 });
      await stage.enterVictimClient();
      await stage.call(stage.victim, 'gate', 'running');
      await server.ask('entered', 'running');
      await stage.call(stage.victim, 'echo', 'waiting');
      await server.ask('hasCalls', 2);
      await stage.enterServer('server');
    },
    async operate(stage) {
      const first = stage.party('first');
      const drained = first.ask('drain');
      await stage.settleVictim(['waiting']);
      await first.ask('release', 'running');
      await stage.settleVictim(['running']);
      await drained;
    },
  },
  {
    name: 'moves calls from a server that has died',
    async prepare(stage) {
      const server = await stage.enterServer('first', { concurrency: 1 });
      await stage.enterVictimClient();
      await stage.call(stage.victim, 'gate', 'running');
      await server.ask('entered', 'running');
      await stage.call(stage.victim, 'echo', 'waiting');
      await server.ask('hasCalls', 2);
      await stage.enterServer('server');
    },
    async operate(stage) {
      await stage.party('first').kill();
      await stage.settleVictim(['running', 'waiting']);
    },
  },
  {
    name: 'leaves with calls that run and that wait',
    async prepare(stage) {
      const server = await stage.enterServer('server', { concurrency: 1 });
      await stage.enterVictimClient();
      await stage.call(stage.victim, 'gate', 'running');
      await server.ask('entered', 'running');
      await stage.call(stage.victim, 'echo', 'waiting');
      await server.ask('hasCalls', 2);
    },
    async operate(stage) {
      await stage.unlessStopped(stage.victim.ask('closeClient'));
    },
    mayFail: { running: ['CLOSED'], waiting: ['CLOSED'] },
    cancelled: () => ['running'],
  },
];
