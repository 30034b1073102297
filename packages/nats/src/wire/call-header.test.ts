import { describe, expect, it } from 'vitest';
import { type CallHeader, readCallHeader, writeCallHeader } from './call-header.js';

const call: CallHeader = {
  kind: 'call',
  method: '00f1d0c2a8b94e57',
  time: 500,
  expiry: 1_790_000_000_000,
  host: 'desk%3B7',
};

describe('the header of a call', () => {
  it('has this form', () => {
    expect(writeCallHeader(call)).toBe('1;call;00f1d0c2a8b94e57;500;1790000000000;desk%3B7');
    expect(writeCallHeader({ kind: 'failed', code: 'SERVER_DIED', started: 'maybe' })).toBe(
      '1;failed;SERVER_DIED;maybe',
    );
    expect(writeCallHeader({ kind: 'remote', name: 'My;Error\r\n\ud800' })).toBe(
      '1;remote;My%3BError%0D%0A%EF%BF%BD',
    );
  });

  it.each<CallHeader>([
    call,
    { ...call, time: undefined, expiry: 0 },
    { kind: 'cancel' },
    { kind: 'taken' },
    { kind: 'value' },
    { kind: 'alive' },
    { kind: 'error', code: 'OVERFLOW' },
    { kind: 'remote', name: 'RangeError;' },
    { kind: 'failed', code: 'NO_SERVER', started: false },
    { kind: 'item', number: 7 },
    { kind: 'end', number: 0 },
    { kind: 'credit', bytes: 16_384 },
  ])('is read as it was written: %j', (header) => {
    expect(readCallHeader(writeCallHeader(header))).toEqual(header);
  });

  it.each([
    '',
    '2;taken',
    '1;unknown',
    '1;item;-1',
    '1;end;',
    '1;credit;1e3',
    '1;failed;server_died;maybe',
    '1;call;00f1d0c2a8b94e5;500;1;host',
    '1;call;00f1d0c2a8b94e57;x;1;host',
    '1;call;00f1d0c2a8b94e57;;;host',
  ])('is nothing where it is %j', (text) => {
    expect(readCallHeader(text)).toBeUndefined();
  });
});
