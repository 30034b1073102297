import { type ChannelOptions, defineChannel, openBus } from '@mmfbus/channel';
import { json, struct, u32 } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { busOf } from '../bus/bus-support.js';
import { codeOf, define } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';

ownDirectory('options');

describe('defineChannel', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [
      { shap: struct({ a: u32() }), capcity: 1 },
      /defineChannel\(\) has no option "shap"; it takes name, schema, codec, cap/,
    ],
    [{ mode: 0 }, /mode must be permission bits .* such as 0o660, not 0/],
    [{ mode: 666 }, /mode must be permission bits .* not 666/],
    [{ mode: 0o444 }, /mode must be permission bits .* not 292/],
    [{ group: -1 }, /group must be the name of a group, or its id from 0 to 4294967294, not -1/],
    [{ group: '' }, /group must be the name of a group, or its id from 0 to 4294967294, not ''/],
    [{ scope: 'LOCAL' }, /scope must be 'user' or 'machine', not 'LOCAL'/],
    [{ discoverable: 'no' }, /discoverable must be true or false, not 'no'/],
    [{ maxParticipants: 0 }, /maxParticipants must be a whole number from 2 to 1024, not 0/],
    [{ capacity: 5000 }, /capacity must be a power of two from 4096 to 1073741824, not 5000/],
    [
      { codec: { ...json(), encode: undefined } },
      /codec must be a codec, such as msgpack\(\), with an id, encode and decode/,
    ],
    [{ codec: json }, /codec must be a codec, .* not the function json/],
    [{ codec: null }, /codec must be a codec, .* not null/],
    [{ schema: { price: u32() } }, /schema must be a shape: write struct\({ … }\) around it/],
    [{ schema: u32 }, /schema must be the shape that it makes: u32\(…\), not the function u32/],
    [{ schema: 'u32' }, /schema must be a shape, such as struct\({ price: f64\(\) }\), or 'any', not 'u32'/],
    [{ schema: null }, /schema must be a shape/],
    [{ schema: u32(), codec: json() }, /a schema or a codec, not both/],
    [
      { capacity: 4096, history: 10, maxMessage: 900 },
      /a history of 10 messages of up to 900 bytes takes 9920 bytes, half of the ring of 4096 is 2048/,
    ],
    [{ history: 10, maxMessage: 2 ** 22 }, /with a history, a message must fit into one frame/],
    [{ capacity: 4096, history: 1000 }, /a history of 1000 messages/],
  ])('refuses %j with what is allowed', (options, message) => {
    const given = { name: 'prices', ...options } as ChannelOptions<unknown>;
    expect(() => defineChannel(given)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => defineChannel(given)).toThrow(message);
  });

  it.each([undefined, null, 'prices', ['prices']])('refuses %j for its options', async (options) => {
    const code = await codeOf(() => defineChannel(options as never));
    expect(['INVALID_ARGUMENT', 'INVALID_NAME']).toContain(code);
  });

  it('takes options that are undefined for not given', () => {
    define({ capacity: undefined, mode: undefined, discoverable: undefined, scope: undefined });
  });
});

describe('a bus', () => {
  it.each<[Record<string, unknown> | null, RegExp]>([
    [{ scop: 1 }, /openBus\(\) has no option "scop"; it takes scope, mode/],
    [{ scope: 7 }, /scope must be 'user' or 'machine', not 7/],
    [{ mode: 0 }, /mode must be permission bits/],
    [null, /the options of openBus\(\) must be an object, not null/],
  ])('refuses to be opened with %j', async (options, message) => {
    await expect(openBus(options as never)).rejects.toThrow(message);
  });

  it('refuses options of a watch, and of a channel, that it has not', async () => {
    const bus = await busOf();
    expect(() => bus.watch({ sginal: 5 } as never)).toThrow(
      /watch\(\) has no option "sginal"; it takes signal/,
    );
    expect(() => bus.watch({ signal: null } as never)).toThrow(/signal must be an AbortSignal, not null/);
    expect(() => bus.define({ name: 'a', scope: 'user' } as never)).toThrow(
      /define\(\) of a bus has no option "scope"; it takes name, schema/,
    );
    expect(await codeOf(() => bus.define('prices' as never))).toBe('INVALID_ARGUMENT');
  });
});
