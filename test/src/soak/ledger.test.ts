import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { GAP, Ledger, readLedger, removeLedger } from './ledger.js';

const folder = temporaryFolder('ledger');

describe('a ledger', () => {
  it('says what was written down, while its writer has it open still', () => {
    const path = join(folder, 'open');
    const ledger = new Ledger(path);
    ledger.joinBegun(1.5);
    ledger.joined(2.5, '00f1d0c2a8b94e57');
    for (let index = 0; index < 5; index++) ledger.received(10 + index, 3, 1 + index);
    ledger.missed(15, 4);
    ledger.received(19, 3, 10);
    ledger.drainBegun(3.5);
    ledger.received(20, 4, 1);
    ledger.recovered('lock');
    ledger.stalled({ since: 4.5, last: 20 });
    expect(readLedger(path)).toEqual({
      joinBegun: 1.5,
      joined: 2.5,
      incarnation: '00f1d0c2a8b94e57',
      drainBegun: 3.5,
      intended: 0,
      done: 0,
      ended: false,
      recovered: { slots: 0, locks: 1 },
      stalls: [{ since: 4.5, last: 20 }],
      entries: [
        { sequence: 10, publisher: 3, counter: 1, count: 5 },
        { sequence: 15, publisher: GAP, counter: 0, count: 4 },
        { sequence: 19, publisher: 3, counter: 10, count: 1 },
        { sequence: 20, publisher: 4, counter: 1, count: 1 },
      ],
    });
    ledger.close();
  });

  it('goes on in another file when one is full, and is removed with all of them', () => {
    const path = join(folder, 'long');
    const ledger = new Ledger(path);
    const count = 9000;
    for (let index = 1; index <= count; index++) ledger.received(index, 1 + (index % 2), index);
    ledger.intend(7);
    ledger.close();
    const contents = readLedger(path);
    expect(contents?.intended).toBe(7);
    expect(contents?.entries.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
    removeLedger(path);
    expect(readLedger(path)).toBeUndefined();
    expect(readdirSync(folder).filter((name) => name.startsWith('long'))).toEqual([]);
  });
});
