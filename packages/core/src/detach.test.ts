import { expect, it } from 'vitest';
import { detach } from './detach.js';

it('leaves no way to the memory, and is done at once where there is none', () => {
  const buffer = new ArrayBuffer(8);
  const bytes = new Uint8Array(buffer);
  expect([detach(buffer), buffer.byteLength, bytes.length]).toEqual([true, 0, 0]);
  expect(detach(buffer)).toBe(true);
});
