import { describe, expect, it } from 'vitest';
import { decodeNotice, encodeNotice } from './directory-notice.js';

describe('a notice', () => {
  it.each(['opened', 'closed', 'changed'] as const)('%s comes back as it was', (kind) => {
    const notice = { kind, channel: 'n'.repeat(128) };
    expect(decodeNotice(encodeNotice(notice))).toEqual(notice);
  });

  it('is read from anywhere in a buffer', () => {
    const bytes = Buffer.concat([Buffer.alloc(5), encodeNotice({ kind: 'closed', channel: 'a' })]);
    expect(decodeNotice(bytes.subarray(5))).toEqual({ kind: 'closed', channel: 'a' });
  });

  it('that makes no sense is none', () => {
    const good = encodeNotice({ kind: 'opened', channel: 'a' });
    const otherKind = Uint8Array.from(good).fill(9, 0, 1);
    const noName = Uint8Array.from(good).fill(0, 8);
    const badName = Uint8Array.from(good).fill(0x2f, 8, 9);
    expect([new Uint8Array(0), good.subarray(1), otherKind, noName, badName].map(decodeNotice)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });
});
