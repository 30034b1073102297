import { expect, test } from 'vitest';
import { table } from './table.js';

const rows = [
  ['demo', '231,083', 'equal'],
  ['publisher', '7', ''],
];

test('draws rows, the first column flushed left', () => {
  expect(table(rows)).toBe('demo       231,083  equal\npublisher        7');
});

test('draws headings and a rule', () => {
  expect(table(rows, { headings: ['process', 'count', 'outcome'], left: [0, 2] }).split('\n')).toEqual([
    'process      count  outcome',
    '---------  -------  -------',
    'demo       231,083  equal',
    'publisher        7',
  ]);
});
