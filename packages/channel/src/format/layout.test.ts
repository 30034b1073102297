import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FRAME_ALIGNMENT, FRAME_HEADER_LENGTH, frameLength } from './frame-layout.js';
import * as header from './header-layout.js';
import { field, layout } from './layout.js';
import { withLayoutTables } from './layout-table.js';
import { withNativeConstants } from './native-constants.js';
import { NAME_LENGTH, PARTICIPANT_LENGTH, participantLayout } from './participant-layout.js';

const formatDocument = new URL('../../FORMAT.md', import.meta.url);
const native = new URL('../../../native/', import.meta.url);

describe('layouts', () => {
  it('place each field behind the one before it', () => {
    const { fields, length, offsetOf } = layout('t', [
      field('a', 'u32', ''),
      field('b', 'u8[4]', ''),
      field('c', 'i64', ''),
    ]);
    expect(fields.map(({ offset }) => offset)).toEqual([0, 4, 8]);
    expect(length).toBe(16);
    expect(offsetOf('c')).toBe(8);
  });

  it('refuse a field that is not aligned to its size', () => {
    expect(() => layout('t', [field('a', 'u32', ''), field('b', 'u64', '')])).toThrow(
      'b at 4 is not aligned to 8',
    );
  });

  it('fill whole cache lines, with what is contended on lines of its own', () => {
    expect(header.HEADER_LENGTH).toBe(512);
    expect(PARTICIPANT_LENGTH).toBe(256);
    for (const offset of [
      header.PUBLISHER_LOCK_OFFSET,
      header.TAIL_OFFSET,
      header.HEAD_OFFSET,
      header.EPOCH_OFFSET,
    ]) {
      expect(offset % 64).toBe(0);
    }
  });

  it('agree with the lengths that code counts on', () => {
    expect(participantLayout.fields.find(({ name }) => name === 'name')?.length).toBe(NAME_LENGTH);
    expect(header.headerLayout.fields.find(({ name }) => name === 'codec')?.length).toBe(header.CODEC_LENGTH);
    expect(Buffer.from(BigUint64Array.of(header.MAGIC).buffer).toString('latin1')).toBe('mmfbusch');
  });

  it('leave room for a header wherever a frame may end', () => {
    expect(FRAME_HEADER_LENGTH).toBeLessThanOrEqual(FRAME_ALIGNMENT);
    expect([0, 8, 9, 40, 41].map(frameLength)).toEqual([32, 32, 64, 64, 96]);
  });

  // `npx vitest run layout -u` writes the tables anew.
  it('have a place in the document', () => {
    expect(() => withLayoutTables('no marks')).toThrow('the document has no place for the layout');
  });

  it('are what FORMAT.md says', async () => {
    await expect(withLayoutTables(readFileSync(formatDocument, 'utf8'))).toMatchFileSnapshot(
      fileURLToPath(formatDocument),
    );
  });

  // The machine of the Windows tests has no sources of theirs.
  it.skipIf(process.platform === 'win32').each([
    ['c', 'include/mmfbus.h'],
    ['rust', 'rust/mmfbus.rs'],
    ['python', 'python/mmfbus.py'],
  ] as const)('are the constants of %s', async (language, path) => {
    const source = new URL(path, native);
    expect(() => withNativeConstants(language, 'no marks')).toThrow('the source has no place');
    await expect(withNativeConstants(language, readFileSync(source, 'utf8'))).toMatchFileSnapshot(
      fileURLToPath(source),
    );
  });
});
