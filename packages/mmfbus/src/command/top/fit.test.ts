import { expect, test } from 'vitest';
import { fit } from './fit.js';

test.each([
  ['abc', 5, 'abc  '],
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['日本', 4, '日本'],
  ['日本語', 4, '日… '],
  ['e\u0301a', 2, 'e\u0301a'],
  ['', 2, '  '],
])('%j in %d columns', (text, columns, expected) => {
  expect(fit(text, columns)).toBe(expected);
});
