import { defineChannel, type Publisher } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { RawChannel } from './raw-channel.js';
import { type ScribbleKind, Scribbler, segmentFile } from './scribbler.js';

const TEXT = 'a'.repeat(3000);
const SEED = 1;

ownDirectory('scribbler');

let publisher: Publisher<Uint8Array>;
let channel: RawChannel;
let file: string;

beforeEach(async () => {
  const name = uniqueName('scribbler');
  const schema = { text: TEXT, difference: () => 'another' };
  publisher = await defineChannel({ name, capacity: 65_536, codec: { ...raw(), schema } }).publisher();
  publisher.tryPublish(new TextEncoder().encode(TEXT));
  channel = new RawChannel(name);
  file = segmentFile(name);
});

afterEach(async () => {
  channel.close();
  await publisher.close();
});

function copy(): Uint8Array {
  return channel.bytes.slice(0, channel.ringOffset + channel.ringCapacity);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

describe('a scribbler', () => {
  test.each<ScribbleKind>(['text', 'schema'])('makes other valid UTF-8 of a %s', async (kind) => {
    const place = kind === 'text' ? channel.ringOffset + 24 : channel.long('schemaOffset') % 2 ** 32;
    const rounds = 101;
    const counts = await new Scribbler(file, { seed: SEED, rounds, kinds: [kind] }).ended;
    expect(counts).toEqual({ [kind]: rounds });
    const text = decode(copy().subarray(place, place + TEXT.length));
    expect(text).toMatch(/^(?:[a-z]|中)+$/);
    expect(text).not.toBe(TEXT);
  });

  test('leaves everything else as it was', async () => {
    const before = copy();
    const kinds: ScribbleKind[] = ['length', 'header', 'geometry', 'position', 'slot'];
    const counts = await new Scribbler(file, { seed: SEED, rounds: 20_000, kinds }).ended;
    expect(Buffer.compare(copy(), before)).toBe(0);
    expect(Object.values(counts).every((count) => count > 100)).toBe(true);
  });

  test('ends when it is told to', async () => {
    const scribbler = new Scribbler(file, { seed: SEED });
    await scribbler.ready;
    await scribbler.stop();
    expect(scribbler.isRunning).toBe(false);
  });
});
