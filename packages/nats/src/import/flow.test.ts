import { describe, expect, it } from 'vitest';
import { type Header, writeHeader } from '../wire/header.js';
import type { RawMessage } from '../wire/raw-message.js';
import { Flow, type FlowParts } from './flow.js';

const SUBJECT = 'desk.prices.00f1d0c2a8b94e57';
const first: Header = {
  incarnation: '00f1d0c2a8b94e57',
  sequence: 41,
  prev: 40,
  time: '1790000000123456000',
  encoding: 'msgpack',
  host: 'desk',
  gap: undefined,
  part: undefined,
};

const flow = new Flow(SUBJECT, first, {} as FlowParts);

function messageOf(header: string, subject: string = SUBJECT): RawMessage {
  const text = Buffer.from(`NATS/1.0\r\nMmfbus: ${header}\r\nNats-Msg-Id: x\r\n\r\n`);
  return {
    subject: Buffer.from(subject),
    bytes: Buffer.concat([text, Buffer.from('payload')]),
    start: text.length,
  };
}

function read(change: Partial<Header>): boolean {
  return flow.read(messageOf(writeHeader({ ...first, ...change })));
}

describe('messages that follow one another', () => {
  it('are read: their numbers and their time', () => {
    const times = ['0', '9', '999999999', '1000000000', '4294967295', '4294967296', '1790000000999999999'];
    for (const time of [...times, '1799999999000000001', '9223372036854775807', '9999999999999999999']) {
      for (const sequence of [1, 42, 999_999_999_999_999]) {
        expect(read({ sequence, prev: sequence - 1, time })).toBe(true);
        expect([flow.prev, flow.origin.sequence]).toEqual([sequence - 1, sequence]);
        const { timeLow, timeHigh } = flow.origin;
        expect((BigInt(timeHigh >>> 0) << 32n) | BigInt(timeLow >>> 0)).toBe(BigInt(time));
      }
    }
    expect(flow.origin.incarnation.map((word) => (word >>> 0).toString(16))).toEqual(['a8b94e57', 'f1d0c2']);
  });

  it('are looked at by themselves where anything else is different', () => {
    const next = { ...first, sequence: 42, prev: 41 };
    const others: Partial<Header>[] = [
      { incarnation: '00f1d0c2a8b94e58' },
      { encoding: 'msgpack:0123456789abcdef' },
      { encoding: 'raw' },
      { host: 'desk2' },
      { prev: 42 },
      { sequence: 10 ** 15 },
      { gap: { reason: 'ring', from: 42 } },
      { part: { offset: 0, total: 9 } },
      { time: '' },
      { time: '1x' },
      { time: '10000000000000000000' },
    ];
    for (const other of others) expect(read({ ...next, ...other })).toBe(false);
    const text = writeHeader(next);
    expect(flow.read(messageOf(text, `${SUBJECT}0`))).toBe(false);
    expect(flow.read(messageOf(text, SUBJECT.replace('desk', 'dask')))).toBe(false);
    for (let length = 0; length < text.length; length++)
      expect(flow.read(messageOf(text.slice(0, length)))).toBe(false);
    expect(flow.read(messageOf(text))).toBe(true);
  });
});
