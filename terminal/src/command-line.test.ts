import { describe, expect, test } from 'vitest';
import { readCommandLine, UsageError, wholeNumber } from './command-line.js';

const options = { rounds: { type: 'string', default: '5' }, quick: { type: 'boolean' } } as const;

describe('readCommandLine', () => {
  test('gives values, defaults and --help', () => {
    expect(readCommandLine(['--quick'], options)).toMatchObject({
      values: { rounds: '5', quick: true },
      positionals: [],
      help: false,
    });
    expect(readCommandLine(['-h'], options).help).toBe(true);
  });

  test('gives arguments without an option where they are allowed', () => {
    expect(readCommandLine(['c', 'rust'], options, true).positionals).toEqual(['c', 'rust']);
  });

  test.each([
    [['--ruonds', '3'], "Unknown option '--ruonds'"],
    [['--rounds'], "Option '--rounds <value>' argument missing"],
    [['--quick=yes'], "Option '--quick' does not take an argument"],
    [['c'], "Unexpected argument 'c'"],
  ])('refuses %j', (args, message) => {
    expect(() => readCommandLine(args, options)).toThrow(UsageError);
    expect(() => readCommandLine(args, options)).toThrow(message);
  });
});

describe('wholeNumber', () => {
  test.each([
    ['1', 1],
    ['20', 20],
  ])('reads %s', (text, value) => {
    expect(wholeNumber('--rounds', text, 1, 20)).toBe(value);
  });

  test.each(['0', '21', '', '1.5', '1e1', '-1', 'x'])('refuses %j', (text) => {
    expect(() => wholeNumber('--rounds', text, 1, 20)).toThrow(
      `--rounds takes a whole number from 1 to 20, not ${JSON.stringify(text)}`,
    );
  });
});
