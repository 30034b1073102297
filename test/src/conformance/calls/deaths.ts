import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import type { CallStage } from './call-stage.js';
import { expectOutcome, outcomeOf } from './call-stage.js';
import type { CallScenario } from './scenarios.js';

/** Where a server dies, and at which occurrence of the step. */
const SERVER_STEPS: readonly (readonly [step: string, times: number])[] = [
  ['serve: inbox joined', 1],
  ['serve: registry joined', 1],
  ['server: call taken', 1],
  ['server: call taken', 3],
  ['server: mailbox joined', 1],
  ['server: started', 1],
  ['server: started', 3],
  ['server: handler ended', 1],
  ['server: done raised', 2],
  ['server: answered', 1],
  ['server: answered', 3],
];

/** The same for a server that drains after it was called. */
const DRAIN_STEPS = [
  'drain: registry says so',
  'drain: inbox says so',
  'drain: handlers ended',
  'drain: mailboxes left',
  'drain: inbox left',
] as const;

const CLIENT_STEPS: readonly (readonly [step: string, times: number])[] = [
  ['client: registry joined', 1],
  ['client: mailbox joined', 1],
  ['client: inbox joined', 1],
  ['call: cell waiting', 2],
  ['call: sent', 2],
  ['call: answer read', 2],
  ['call: cancelled', 1],
];

/** What is said of an agent that was killed: Windows has no signals, and says status 1. */
const KILLED = /ended with (SIGKILL|status 1)\b/;

const CALLS = ['0', '1', '2', '3', '4', '5'];

/** Each call ends; what was answered ran once, what was said not to have started never ran, and nothing ran twice. */
async function settleAll(stage: CallStage, ask: (call: string) => Promise<string>): Promise<void> {
  const outcomes = new Map<string, string>();
  for (const call of CALLS) outcomes.set(call, await ask(call));
  const ran = ['dying', 'other'].flatMap((name) => stage.journal(name));
  for (const [call, outcome] of outcomes) {
    const times = ran.filter((line) => line === `once ${call}`).length;
    match(outcome, /^value \d$|^error (SERVER_DIED (no|maybe)|UNREACHABLE no)$/);
    if (outcome.startsWith('value')) {
      strictEqual(outcome, `value ${call}`);
      strictEqual(times, 1, `${call}: ${outcome}`);
    } else if (outcome.endsWith('no')) strictEqual(times, 0, `${call}: ${outcome}`);
    else ok(times <= 1, `${call}: ${outcome}, and it ran ${times} times`);
  }
}

const servers: readonly CallScenario[] = SERVER_STEPS.map(([step, times]) => ({
  name: `a server dies at "${step}", occurrence ${times}`,
  async run(stage) {
    const client = await stage.client('waitForServer=60000');
    const dying = await stage.idleServer();
    await dying.ask(`die-at ${times} ${step}`);
    const serving = dying.ask(stage.serve('dying')).catch(() => {});
    // It dies of serving, or of a call. The other one begins when all calls are on their way.
    if (!step.startsWith('serve:')) await serving;
    for (const call of CALLS) await client.ask(`call ${call} once ${call}`);
    await stage.server('other');
    await settleAll(stage, async (call) => outcomeOf(await client.ask(`await ${call}`)));
    await serving;
    await rejects(dying.ask('hello'), KILLED);
    await expectOutcome(client.ask('ask echo after'), 'value after');
  },
}));

const drains: readonly CallScenario[] = DRAIN_STEPS.map((step) => ({
  name: `a server dies at "${step}"`,
  async run(stage) {
    const client = await stage.client('waitForServer=60000');
    const dying = await stage.server('dying');
    await client.ask('ask once 0');
    await stage.server('other');
    await dying.ask(`die-at 1 ${step}`);
    const died = dying.dies('drain', 'leave server');
    for (const call of CALLS) await client.ask(`call ${call} again ${call}`);
    for (const call of CALLS) await expectOutcome(client.ask(`await ${call}`), `value ${call}`);
    await died;
    await expectOutcome(client.ask('ask echo after'), 'value after');
  },
}));

const clients: readonly CallScenario[] = CLIENT_STEPS.map(([step, times]) => ({
  name: `a client dies at "${step}", occurrence ${times}`,
  async run(stage) {
    const server = await stage.server('one');
    const dying = await stage.idleClient();
    await dying.ask(`die-at ${times} ${step}`);
    const commands = [
      stage.open(),
      ...CALLS.map((call) => `call ${call} once ${call}`),
      'await 0',
      'await 1',
    ];
    if (step === 'call: cancelled') {
      for (const command of [...commands, 'call h hold h']) await dying.ask(command);
      await server.ask('held 1');
      await dying.dies('cancel h');
    } else {
      await dying.dies(...commands);
    }
    // The server has nothing to do for it any more, and answers others.
    await server.ask('held 0');
    const client = await stage.client();
    await expectOutcome(client.ask('ask echo after'), 'value after');
    const ran = stage.journal('one').filter((line) => line.startsWith('once'));
    deepStrictEqual([...new Set(ran)], ran, 'a call ran twice');
    await server.ask('drain');
  },
}));

const others: readonly CallScenario[] = [
  {
    name: 'what a server has not started when it is killed runs elsewhere',
    async run(stage) {
      const dying = await stage.server('dying', 'concurrency=1');
      const client = await stage.client('waitForServer=60000');
      await client.ask('call h hold h');
      await dying.ask('held 1');
      for (const call of CALLS) await client.ask(`call ${call} once ${call}`);
      await dying.kill();
      await stage.server('other');
      await expectOutcome(client.ask('await h'), 'error SERVER_DIED maybe');
      for (const call of CALLS) await expectOutcome(client.ask(`await ${call}`), `value ${call}`);
      deepStrictEqual(stage.journal('dying'), ['hold h']);
      deepStrictEqual(
        stage.journal('other').sort(),
        CALLS.map((call) => `once ${call}`),
      );
    },
  },
  {
    name: 'a call that three servers have died of is given up',
    async run(stage) {
      const client = await stage.client('waitForServer=60000');
      await client.ask('call a again a');
      for (const name of ['s1', 's2', 's3']) {
        const dying = await stage.idleServer();
        await dying.ask('die-at 1 server: handler ended');
        await dying.dies(stage.serve(name), 'held 1');
      }
      await expectOutcome(client.ask('await a'), 'error SERVER_DIED maybe');
      for (const name of ['s1', 's2', 's3']) deepStrictEqual(stage.journal(name), ['again a']);
    },
  },
  {
    name: 'a stream ends with its server, and its handler with its client',
    async run(stage) {
      const dying = await stage.server('dying');
      const client = await stage.client();
      await client.ask('call a pipe');
      await client.ask('send a hello');
      deepStrictEqual((await client.ask('items a 1')).events, ['item hello']);
      await dying.kill();
      await expectOutcome(client.ask('await a'), 'error SERVER_DIED maybe');
      const server = await stage.server('other');
      const other = await stage.client();
      await other.ask('call b pipe');
      await other.ask('send b hello');
      deepStrictEqual((await other.ask('items b 1')).events, ['item hello']);
      await other.kill();
      await server.ask('drain');
      deepStrictEqual(stage.journal('other'), ['cancelled pipe']);
    },
  },
  {
    name: 'a server that is stopped holds up its calls, and only until their time is over',
    // It sends SIGSTOP.
    isPosix: true,
    async run(stage) {
      const server = await stage.server('one');
      const client = await stage.client();
      await expectOutcome(client.ask('ask once before'), 'value before');
      process.kill(server.pid, 'SIGSTOP');
      try {
        await expectOutcome(client.ask('ask once never timeout=100'), 'error TIMEOUT no');
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
      await expectOutcome(client.ask('ask once after'), 'value after');
      deepStrictEqual(stage.journal('one'), ['once before', 'once after']);
    },
  },
];

/** Processes that are killed, each at a step of the protocol or at some other time. */
export const deathScenarios: readonly CallScenario[] = [...servers, ...drains, ...clients, ...others];
