import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Channel, defineChannel } from '@mmfbus/channel';
import { boolean, f64, msgpack, optional, type Shape, string, struct } from '@mmfbus/codec';
import { describe, expect, test } from 'vitest';
import { compile } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { publisherOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

ownDirectory('generated');

const WATCHDOG = 100_000;
const examples = join(workspaceRoot, 'examples', 'native');
const fields = { sensor: string({ maxLength: 16 }), celsius: f64(), last: boolean() };

function peer(): string {
  const include = join(workspaceRoot, 'packages', 'native', 'include');
  const header = readFileSync(join(examples, 'reading.h'), 'utf8');
  // Compiled once for each state of its sources, to which the fingerprint belongs.
  const [, fingerprint = ''] = /FINGERPRINT "(\w+)"/.exec(header) ?? [];
  const flags = ['-I', include, '-I', examples, '-pthread', `-DSHAPE_${fingerprint}`, ...SANITIZERS];
  return compile('reading-peer', [join(workspaceRoot, 'test', 'native', 'reading_peer.c')], flags);
}

/** What a program in C says that joins a channel of Node's. */
async function joining(channel: Channel<never>): Promise<string> {
  const publisher = await publisherOf(channel);
  const { status, stdout, stderr } = spawnSync(peer(), ['join', channel.name], {
    encoding: 'utf8',
    timeout: WATCHDOG,
  });
  await publisher.close();
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd();
}

function channelOf(shape: Shape): Channel<never> {
  return defineChannel({ name: uniqueName('generated'), schema: shape }) as Channel<never>;
}

describe('a program in C with a generated header', () => {
  test('joins a channel of its shape', async () => {
    expect(await joining(channelOf(struct(fields)))).toBe('ready');
  });

  test('is refused by a channel that has no shape', async () => {
    const codec = msgpack<never>();
    expect(await joining(defineChannel({ name: uniqueName('generated'), codec }))).toBe(
      'the channel has another schema: the channel has no schema, and this program has one',
    );
  });

  test('is refused by a channel of another shape, and says where they differ', async () => {
    expect(await joining(channelOf(struct({ ...fields, celsius: string() })))).toMatch(
      /^the channel has another schema: the schemas differ from byte \d+ on: .*\["celsius","string.* there, .*\["celsius","f64".* here \(SHA-256 [0-9a-f]{64} there, [0-9a-f]{64} here\)$/,
    );
  });

  test('is refused by a channel of a shape that Node would join', async () => {
    const wider = struct({ ...fields, place: optional(string()) });
    expect(await joining(channelOf(wider))).toContain('the channel has another schema: ');
  });

  test('makes a channel that programs of another shape are told about', async () => {
    const name = uniqueName('generated');
    const holder = spawn(peer(), ['hold', name], { timeout: WATCHDOG });
    const ended = once(holder, 'exit');
    try {
      const [line] = await once(holder.stdout, 'data');
      expect(String(line)).toBe('ready\n');
      const other = defineChannel({ name, schema: struct({ ...fields, last: string() }) });
      await expect(other.subscriber()).rejects.toThrow('last: boolean there, string here');
      const wider = defineChannel({ name, schema: struct({ ...fields, place: optional(string()) }) });
      await (await wider.subscriber()).close();
    } finally {
      holder.stdin.end();
      expect((await ended)[0]).toBe(0);
    }
  });
});
