import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalText, f64, struct } from '@mmfbus/codec';
import { jetstreamManager } from '@nats-io/jetstream';
import { Ajv } from 'ajv';
import { expect, it } from 'vitest';
import { start } from '../command/command-support.js';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder } from '../support/workspace.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-configuration');
const folder = temporaryFolder('nats-configuration');
const schema = JSON.parse(readFileSync(join(packageFolder('mmfbus'), 'bridge.schema.json'), 'utf8'));
const fits = new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true }).compile(
  schema,
);

const exporting = { export: 'orders', to: 'desk.orders' };
const importing = { import: 'desk.orders', into: 'orders' };
const price = struct({ bid: f64() });
const one = (route: unknown) => ({ routes: [route] });

const accepted: readonly unknown[] = [
  { $schema: './node_modules/mmfbus/bridge.schema.json', ...one(exporting) },
  one({
    ...exporting,
    whenBehind: 'wait',
    whenTooLarge: 'split',
    start: 'earliest',
    payload: 'json',
    forward: true,
  }),
  one({ ...exporting, stream: 'DESK', service: false }),
  one({ export: '*', to: '>' }),
  one({ export: 'prices.*', to: 'desk.prices.>' }),
  one({ import: '>', into: 'far.*', check: 'messages' }),
  one({
    ...importing,
    create: { schema: { type: 'string' }, capacity: 65_536, maxMessage: 1000, history: 2 },
  }),
  one({ ...importing, create: { schema: JSON.parse(canonicalText(price)), mode: 0o660, group: 0 } }),
  one({ ...importing, create: { maxParticipants: 1024, discoverable: false } }),
  {
    ...one({ ...importing, stream: 'DESK' }),
    folder: 'checkpoints',
    maxWaiting: 0,
    host: 'desk',
    name: 'nats',
  },
  { ...one({ export: 'calc', to: 'desk.calc', service: true }), connection: {} },
  one({ import: 'desk.calc.>', into: 'calc.*', service: true }),
];

const refused: readonly unknown[] = [
  [],
  {},
  { routes: [] },
  { routes: 'all' },
  { ...one(exporting), folders: 'x' },
  { ...one(exporting), maxWaiting: -1 },
  { ...one(exporting), host: 5 },
  { ...one(exporting), connection: { pass: 'x' } },
  { ...one(exporting), connection: { user: 5 } },
  { ...one(exporting), connection: { tls: { ca: 5 } } },
  { ...one(exporting), connection: { tls: { caFile: 'x' } } },
  one('orders'),
  one({ export: 'orders' }),
  one({ ...exporting, ...importing }),
  one({ ...exporting, from: 'x' }),
  one({ ...exporting, whenBehind: 'drop' }),
  one({ ...exporting, whenTooLarge: 'drop' }),
  one({ ...exporting, stream: 'DESK', start: 'latest' }),
  one({ ...exporting, stream: 'A B' }),
  one({ export: 'or/ders', to: 'desk' }),
  one({ export: 'orders', to: 'desk.>' }),
  one({ export: 'orders*', to: 'desk' }),
  one({ export: 'orders*', to: 'desk.x>' }),
  one({ export: 'orders', to: 'desk..orders' }),
  one({ ...importing, stream: 'DESK' }),
  one({ ...importing, check: 'nothing' }),
  one({ ...importing, create: 5 }),
  one({ ...importing, create: { name: 'x' } }),
  one({ ...importing, create: { capacity: 5000 } }),
  one({ ...importing, create: { mode: 0o066 } }),
  one({ ...importing, create: { schema: 'any' } }),
  one({ ...importing, create: { codec: {} } }),
  one({ ...exporting, service: true, stream: 'DESK' }),
  one({ ...importing, service: 'yes' }),
  one({ export: 'a'.repeat(101), to: 'desk', service: true }),
];

/** What `--check` says of each, a few at a time. */
async function check(contents: readonly unknown[]): Promise<boolean[]> {
  const server = await NatsServer.start({ folder });
  const connection = await server.connect();
  await (await jetstreamManager(connection)).streams.add({ name: 'DESK', subjects: ['desk.>'] });
  const found: boolean[] = [];
  const queue = contents.entries();
  const work = async () => {
    for (const [index, content] of queue) {
      const file = join(folder, `bridge-${index}.json`);
      writeFileSync(file, JSON.stringify(content));
      const program = start(['bridge', server.url, '--config', file, '--check']);
      const { status, stderr } = await program.exit();
      if (status !== 0) expect(stderr).toMatch(/^mmfbus bridge: /);
      found[index] = status === 0;
    }
  };
  await Promise.all([work(), work(), work()]);
  server.kill('SIGKILL');
  return found;
}

it.each([
  ['accepts', accepted, true],
  ['refuses', refused, false],
])('the JSON Schema of the file %s what --check does', async (_what, contents, isRight) => {
  const shown = (results: readonly boolean[]) =>
    contents.filter((_, index) => results[index] !== isRight).map((content) => JSON.stringify(content));
  expect(shown(contents.map((content) => fits(content)))).toEqual([]);
  expect(shown(await check(contents))).toEqual([]);
});
