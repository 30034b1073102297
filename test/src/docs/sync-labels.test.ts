import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PackageName, packageNames, sourceFiles, workspaceRoot } from '../support/workspace.js';

interface SyncPoint {
  readonly label: string;
  readonly reason: string;
  readonly where: string;
}

/** Words that say why take at least that many. */
const LEAST_WORDS = 4;

/** The `SYNC: label. Reason.` comments of a text; a comment goes on over the lines that follow. */
function syncPoints(text: string, file: string): SyncPoint[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const start = /^\s*(?:\/\/|\/?\*+)\s*SYNC:\s*(.*)$/.exec(line) ?? /\/\/\s*SYNC:\s*(.*)$/.exec(line);
    if (start === null) return [];
    let comment = start[1] ?? '';
    for (const next of lines.slice(index + 1)) {
      const more = /^\s*(?:\/\/|\*(?!\/))\s*(?!SYNC:)(.*)$/.exec(next);
      if (more === null) break;
      comment += ` ${more[1]}`;
    }
    const [, label = comment, reason = ''] = /^([^.]+)\.\s*(.*)$/.exec(comment) ?? [];
    return [{ label: label.trim(), reason: reason.trim(), where: `${file}:${index + 1}` }];
  });
}

/** Those of the sources of some packages. */
function pointsOf(names: readonly PackageName[]): SyncPoint[] {
  return names.flatMap(sourceFiles).flatMap((file) => {
    return syncPoints(readFileSync(file, 'utf8'), relative(workspaceRoot, file));
  });
}

const points = pointsOf(packageNames);
const labels = [...new Set(points.map(({ label }) => label))];
/** Those of channels. */
const channelLabels = [
  ...new Set(pointsOf(packageNames.filter((name) => name !== 'service')).map(({ label }) => label)),
];

describe('synchronisation points', () => {
  test('are marked', () => {
    expect(points).not.toEqual([]);
  });

  test('give a reason', () => {
    const bare = points.filter(({ reason }) => reason.split(/\s+/).length < LEAST_WORDS);
    expect(bare.map(({ where, label }) => `${where}: ${label}`)).toEqual([]);
  });

  test('are marked at both ends', () => {
    const alone = labels.filter((label) => points.filter((point) => point.label === label).length < 2);
    const places = points.filter(({ label }) => alone.includes(label));
    expect(places.map(({ where, label }) => `${where}: ${label}`)).toEqual([]);
  });

  test.each(['include/mmfbus.h', 'python/mmfbus.py', 'rust/mmfbus.rs'])(
    'are marked at both ends in %s, with the same labels',
    (name) => {
      const file = join('packages', 'native', name);
      const text = readFileSync(join(workspaceRoot, file), 'utf8');
      const native = syncPoints(name.endsWith('.py') ? text.replaceAll('# ', '// ') : text, file);
      const needed = [...channelLabels].sort();
      expect([...new Set(native.map(({ label }) => label))].sort()).toEqual(needed);
      for (const label of needed)
        expect(native.filter((point) => point.label === label).length).toBeGreaterThan(1);
      expect(native.filter(({ reason }) => reason.split(/\s+/).length < LEAST_WORDS)).toEqual([]);
    },
  );

  test.each(['include/mmfbus_service.h', 'rust/mmfbus_service.rs', 'python/mmfbus_service.py'])(
    'of calls are marked at both ends in %s',
    (name) => {
      const file = join('packages', 'native', name);
      const text = readFileSync(join(workspaceRoot, file), 'utf8');
      const points = syncPoints(name.endsWith('.py') ? text.replaceAll('# ', '// ') : text, file);
      // Of a channel it has what sleepers for room do.
      const native = points.filter(({ label }) => !channelLabels.includes(label));
      const needed = labels.filter((label) => !channelLabels.includes(label)).sort();
      expect([...new Set(native.map(({ label }) => label))].sort()).toEqual(needed);
      for (const label of needed)
        expect(native.filter((point) => point.label === label).length).toBeGreaterThan(1);
      expect(native.filter(({ reason }) => reason.split(/\s+/).length < LEAST_WORDS)).toEqual([]);
    },
  );

  test('are read over several lines of a comment', () => {
    const text = [
      '  // SYNC: frame visible. The tail is stored',
      '  // after the frame.',
      '  store();',
      '/** SYNC: other */',
    ];
    expect(syncPoints(text.join('\n'), 'a.ts')).toEqual([
      { label: 'frame visible', reason: 'The tail is stored after the frame.', where: 'a.ts:1' },
      { label: 'other */', reason: '', where: 'a.ts:4' },
    ]);
  });
});
