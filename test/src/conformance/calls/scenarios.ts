import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import type { CallStage } from './call-stage.js';
import { expectOutcome, outcomeOf } from './call-stage.js';
import { deathScenarios } from './deaths.js';
import { changedService } from './service.js';

/** Something that must work with any language that serves and any that calls. */
export interface CallScenario {
  readonly name: string;
  /** Whether it needs what Windows does not have. */
  readonly isPosix?: boolean;
  run(stage: CallStage): Promise<void>;
}

/** Items of a stream that needs credit many times. */
const MANY_ITEMS = 20_000;

const basics: readonly CallScenario[] = [
  {
    name: 'calls are answered',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await expectOutcome(client.ask('ask echo hello'), 'value hello');
      await client.ask('call a echo first');
      await client.ask('call b echo second');
      await expectOutcome(client.ask('await b'), 'value second');
      await expectOutcome(client.ask('await a'), 'value first');
    },
  },
  {
    name: 'inputs and answers larger than the ring',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      for (const length of [60_000, 65_536, 100_000, 3_000_000]) {
        await expectOutcome(client.ask(`ask echo *${length}`), `value *${length}`);
      }
      for (const tag of ['a', 'b', 'c']) await client.ask(`call ${tag} echo *1000000`);
      await client.ask('call d echo small');
      for (const tag of ['c', 'b', 'a']) await expectOutcome(client.ask(`await ${tag}`), 'value *1000000');
      await expectOutcome(client.ask('await d'), 'value small');
    },
  },
  {
    name: 'more calls than a mailbox has cells',
    async run(stage) {
      const server = await stage.server('one', 'concurrency=2000');
      const client = await stage.client();
      const tags = Array.from({ length: 1100 }, (_, index) => index);
      for (const tag of tags) await client.ask(`call ${tag} hold ${tag}`);
      await server.ask('held 1024');
      await server.ask('release yes');
      await server.ask('held 76');
      await server.ask('release yes');
      for (const tag of tags) await expectOutcome(client.ask(`await ${tag}`), 'value yes');
    },
  },
  {
    name: 'a method answers that there is nothing, and no value',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await expectOutcome(client.ask('ask mark a'), 'end');
      await client.ask('call b mark b');
      await expectOutcome(client.ask('await b'), 'end');
      deepStrictEqual(stage.journal('one'), ['mark a', 'mark b']);
    },
  },
  {
    name: 'errors keep what they are',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await expectOutcome(client.ask('ask fail declared'), 'declared NOT_FOUND nowhere');
      await expectOutcome(client.ask('ask fail otherwise'), 'error REMOTE maybe TypeError it-failed');
    },
  },
  {
    name: 'a method of another version is called where each side reads what the other writes',
    async run(stage) {
      const changed = `contract ${changedService(stage.service).contract.text}`;
      const [client, changedClient] = [await stage.idleClient(), await stage.idleClient()];
      await changedClient.ask(changed);
      await client.ask(stage.open());
      await changedClient.ask(stage.open());

      const server = await stage.server('one');
      await expectOutcome(changedClient.ask('ask echo hello'), 'error NO_METHOD no');
      await expectOutcome(changedClient.ask('ask once hello'), 'value hello');
      await expectOutcome(changedClient.ask('ask fail declared'), 'declared NOT_FOUND nowhere');
      await expectOutcome(client.ask('ask echo hello'), 'value hello');
      await server.ask('leave server');

      const changedServer = await stage.idleServer();
      await changedServer.ask(changed);
      await changedServer.ask(stage.serve('other'));
      await expectOutcome(client.ask('ask echo hello'), 'value hello');
      await expectOutcome(client.ask('ask once hello'), 'error NO_METHOD no');
      await expectOutcome(client.ask('ask fail declared'), 'declared NOT_FOUND nowhere');
      await expectOutcome(changedClient.ask('ask echo hello'), 'value hello');
    },
  },
  {
    name: 'without a server a call fails at once, or waits for one',
    async run(stage) {
      const client = await stage.client();
      await expectOutcome(client.ask('ask echo hello'), 'error NO_SERVER no');
      const patient = await stage.client('waitForServer=60000');
      await patient.ask('call a echo hello');
      await stage.server('one');
      await expectOutcome(patient.ask('await a'), 'value hello');
      await expectOutcome(client.ask('ask echo hello'), 'value hello');
    },
  },
  {
    name: 'one-way calls run, and nothing answers them',
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      for (let index = 0; index < 300; index++) await expectOutcome(client.ask(`tell note ${index}`), 'end');
      await server.ask('drain');
      deepStrictEqual(
        stage.journal('one'),
        Array.from({ length: 300 }, (_, index) => `note ${index}`),
      );
    },
  },
  {
    name: 'calls go to the server with the least work',
    async run(stage) {
      const [one, other] = [await stage.server('one'), await stage.server('other')];
      const client = await stage.client('waitForServer=60000');
      await expectOutcome(client.ask('ask-all echo hello'), 'end');
      for (const tag of ['a', 'b', 'c', 'd']) await client.ask(`call ${tag} hold ${tag}`);
      for (const server of [one, other]) await server.ask('held 2');
      for (const server of [one, other]) await server.ask('release yes');
      for (const tag of ['a', 'b', 'c', 'd']) await expectOutcome(client.ask(`await ${tag}`), 'value yes');
    },
  },
  {
    name: 'a call to all servers',
    async run(stage) {
      await stage.server('one');
      await stage.server('other');
      const client = await stage.client();
      const answer = await client.ask('ask-all echo hello');
      deepStrictEqual([...answer.events].sort(), ['answer one value hello', 'answer other value hello']);
      const { events } = await client.ask('servers');
      deepStrictEqual(events.map((line) => line.split(' ').slice(0, 3).join(' ')).sort(), [
        'server one serving',
        'server other serving',
      ]);
      deepStrictEqual(
        events.map((line) => line.split(' ')[4]),
        ['1', '1'],
      );
    },
  },
];

const limits: readonly CallScenario[] = [
  {
    name: 'a call that is given up before it starts never runs',
    async run(stage) {
      const server = await stage.server('one', 'concurrency=1');
      const client = await stage.client();
      await client.ask('call a hold a');
      await server.ask('held 1');
      await client.ask('call b once b');
      await client.ask('cancel b');
      await expectOutcome(client.ask('await b'), 'error CANCELLED no');
      await client.ask('call c once c timeout=50');
      await expectOutcome(client.ask('await c'), 'error TIMEOUT no');
      await server.ask('release yes');
      await expectOutcome(client.ask('await a'), 'value yes');
      await expectOutcome(client.ask('ask once d'), 'value d');
      deepStrictEqual(stage.journal('one'), ['hold a', 'once d']);
    },
  },
  {
    name: 'a handler is told when its call is given up, or its time is over',
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      await client.ask('call a hold a');
      await server.ask('held 1');
      await client.ask('cancel a');
      await expectOutcome(client.ask('await a'), 'error CANCELLED maybe');
      await server.ask('held 0');
      await client.ask('call b hold b timeout=500');
      await server.ask('held 1');
      // Both have the same clock: the handler may be faster than its caller.
      match(outcomeOf(await client.ask('await b')), /^error TIMEOUT maybe$|^error REMOTE maybe \w+ held$/);
      await server.ask('held 0');
      deepStrictEqual(stage.journal('one'), ['hold a', 'cancelled hold', 'hold b', 'cancelled hold']);
    },
  },
  {
    name: 'a handler that blocks its process sees that its call is given up',
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      await client.ask('call a block a');
      await stage.written('one', 'block a');
      await client.ask('cancel a');
      await expectOutcome(client.ask('await a'), 'error CANCELLED maybe');
      await server.ask('held 0');
      deepStrictEqual(stage.journal('one'), ['block a', 'cancelled a']);
    },
  },
  {
    name: 'a server with too much to do says so',
    async run(stage) {
      const server = await stage.server('one', 'concurrency=1 queue=1');
      const client = await stage.client();
      await client.ask('call a hold a');
      await server.ask('held 1');
      await client.ask('call b echo b');
      await expectOutcome(client.ask('ask once c'), 'error BUSY no');
      // Another one takes what this one does not.
      await stage.server('other');
      await client.ask('call d once d');
      await server.ask('release yes');
      for (const [tag, outcome] of Object.entries({ a: 'value yes', b: 'value b', d: 'value d' })) {
        await expectOutcome(client.ask(`await ${tag}`), outcome);
      }
      deepStrictEqual(stage.journal('one').includes('once c'), false);
    },
  },
  {
    name: 'a client that leaves gives its calls up',
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      await client.ask('call a hold a');
      await server.ask('held 1');
      await client.ask('leave client');
      await server.ask('held 0');
      deepStrictEqual(stage.journal('one'), ['hold a', 'cancelled hold']);
    },
  },
];

const streams: readonly CallScenario[] = [
  {
    name: 'a stream of answers, with credit',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await client.ask(`call a count ${MANY_ITEMS}`);
      const answer = await client.ask('await a');
      strictEqual(outcomeOf(answer), 'end');
      deepStrictEqual(
        answer.events,
        Array.from({ length: MANY_ITEMS }, (_, index) => `item ${index}`),
      );
    },
  },
  {
    name: 'a stream of inputs, with credit',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await client.ask('call a sum');
      await client.ask(`send a numbers ${MANY_ITEMS}`);
      await client.ask('end a');
      await expectOutcome(client.ask('await a'), `value ${(MANY_ITEMS * (MANY_ITEMS - 1)) / 2}`);
    },
  },
  {
    name: 'credit that comes right before the sleep that waits for it',
    async run(stage) {
      await stage.server('one');
      const busy = await stage.client();
      const client = await stage.client();
      // The server has joined its mailbox: nothing but the credit changes there.
      await expectOutcome(client.ask('ask echo c'), 'value c');
      await busy.ask('call b block b');
      await stage.written('one', 'block b');
      const goOn = await stage.waitsAt('call: waits for credit', client, 'call a sum', 'send a numbers 4');
      await busy.ask('cancel b');
      await stage.written('one', 'begun sum');
      await goOn();
      await client.ask('end a');
      await expectOutcome(client.ask('await a'), 'value 6');
    },
  },
  {
    name: 'streams in both directions',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await client.ask('call a pipe');
      await client.ask('send a hello');
      deepStrictEqual((await client.ask('items a 1')).events, ['item hello']);
      for (const length of [50_000, 200_000, 1_000_000, 50_000]) await client.ask(`send a *${length}`);
      await client.ask('end a');
      const answer = await client.ask('await a');
      strictEqual(outcomeOf(answer), 'end');
      deepStrictEqual(answer.events, ['item *50000', 'item *200000', 'item *1000000', 'item *50000']);
    },
  },
  {
    name: 'a stream that is given up ends its handler',
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      await client.ask('call a pipe');
      await client.ask('send a hello');
      deepStrictEqual((await client.ask('items a 1')).events, ['item hello']);
      await client.ask('cancel a');
      await expectOutcome(client.ask('await a'), 'error CANCELLED maybe');
      await server.ask('drain');
      deepStrictEqual(stage.journal('one'), ['cancelled pipe']);
    },
  },
  {
    name: 'a stream without an item',
    async run(stage) {
      await stage.server('one');
      const client = await stage.client();
      await client.ask('call a count 0');
      await expectOutcome(client.ask('await a'), 'end');
      await client.ask('call b sum');
      await client.ask('end b');
      await expectOutcome(client.ask('await b'), 'value 0');
    },
  },
];

const draining: readonly CallScenario[] = [
  {
    name: 'a server that drains finishes what it has begun, and loses no call',
    async run(stage) {
      const one = await stage.server('one', 'concurrency=1');
      const client = await stage.client('waitForServer=60000');
      await client.ask('call a hold a');
      await one.ask('held 1');
      for (const tag of ['b', 'c', 'd']) await client.ask(`call ${tag} once ${tag}`);
      const other = await stage.server('other', 'concurrency=1');
      const drained = one.ask('drain');
      for (const tag of ['b', 'c', 'd']) await expectOutcome(client.ask(`await ${tag}`), `value ${tag}`);
      await client.ask('cancel a');
      match(outcomeOf(await client.ask('await a')), /^value yes$|^error CANCELLED maybe$/);
      await drained;
      deepStrictEqual(stage.journal('one'), ['hold a', ...stage.journal('one').slice(1)]);
      deepStrictEqual(stage.journal('other').sort(), ['once b', 'once c', 'once d']);
      await other.ask('drain');
    },
  },
  {
    name: 'a rolling restart under load loses no call',
    async run(stage) {
      const client = await stage.client('waitForServer=60000');
      let [one, other] = [await stage.server('s0'), await stage.server('s1')];
      let calls = 0;
      const ask = async () => {
        const number = calls++;
        await expectOutcome(client.ask(`ask once ${number}`), `value ${number}`);
      };
      for (let round = 0; round < 5; round++) {
        const next = await stage.server(`s${round + 2}`);
        const drained = one.ask('drain');
        for (let index = 0; index < 20; index++) await ask();
        await drained;
        await one.ask('leave server');
        [one, other] = [other, next];
      }
      const ran = Array.from({ length: 7 }, (_, index) => stage.journal(`s${index}`)).flat();
      deepStrictEqual(ran.sort(), Array.from({ length: calls }, (_, index) => `once ${index}`).sort());
    },
  },
];

/** All scenarios. */
export const callScenarios: readonly CallScenario[] = [
  ...basics,
  ...limits,
  ...streams,
  ...draining,
  ...deathScenarios,
];
