import { headers } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { WrittenHeader } from './written-header.js';

const TEXT = 'Mmfbus: 1;00f1d0c2a8b94e57;42;40;1790000000123456000;raw;desk\r\nNats-Msg-Id: ä.b-42';

/** The same, made by the client. */
function byClient() {
  const fields = headers();
  for (const [key = '', value = ''] of TEXT.split('\r\n').map((line) => line.split(': ')))
    fields.set(key, value);
  return fields;
}

function bytesOf(fields: object): string {
  return Buffer.from((fields as { encode(): Uint8Array }).encode()).toString();
}

describe('a header that is put together as text', () => {
  it('is sent as the client sends its own', () => {
    expect(bytesOf(new WrittenHeader(TEXT, false))).toBe(bytesOf(byClient()));
    expect(bytesOf(new WrittenHeader('A: 1;b', true))).toBe('NATS/1.0\r\nA: 1;b\r\n\r\n');
  });

  it('answers as one of the client does, and can be changed', () => {
    const [written, own] = [new WrittenHeader(TEXT, false), byClient()];
    for (const fields of [written, own]) {
      fields.append('X', '1');
      fields.append('X', '2');
      fields.set('Nats-Msg-Id', 'b');
    }
    const answers = [written, own].map((fields) => [
      [...fields],
      fields.keys(),
      fields.get('X'),
      fields.last('X'),
      fields.values('X'),
      [fields.has('X'), fields.has('Y')],
      [fields.hasError, fields.status, fields.code, fields.description],
    ]);
    expect(answers[0]).toEqual(answers[1]);
    for (const fields of [written, own]) fields.delete('X');
    expect(bytesOf(written)).toBe(bytesOf(own));
    expect(bytesOf(written)).toContain('Nats-Msg-Id: b\r\n');
  });
});
