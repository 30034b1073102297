import { describe, expect, it } from 'vitest';
import {
  abortSignal,
  anyBoolean,
  anyString,
  type Check,
  checkOptions,
  joinRules,
  milliseconds,
  oneOf,
  permissionBits,
  wholeNumber,
} from './options.js';

const check = (options: unknown, rules: Readonly<Record<string, Check>>) => () =>
  checkOptions('prices', 'publisher()', options, rules);

describe('options', () => {
  it('may be left out, or undefined', () => {
    const given = { name: 'a', open: 'open', signal: new AbortController().signal, timeout: 0 };
    for (const options of [{}, { name: undefined, whatever: undefined }, given]) check(options, joinRules)();
  });

  it.each<[unknown, Readonly<Record<string, Check>>, string]>([
    [null, {}, 'the options of publisher() must be an object, not null'],
    ['prices', {}, "the options of publisher() must be an object, not 'prices'"],
    [[1], {}, 'the options of publisher() must be an object, not [ 1 ]'],
    [{ timeot: 5 }, joinRules, 'publisher() has no option "timeot"; it takes name, open, signal, timeout'],
    [{ toString: 5 }, { name: anyString }, 'publisher() has no option "toString"; it takes name'],
    [{ name: 5 }, { name: anyString }, 'name must be a string, not 5'],
    [{ discoverable: 'no' }, { discoverable: anyBoolean }, "discoverable must be true or false, not 'no'"],
    [
      { slowSubscribers: 'dissconnect' },
      { slowSubscribers: oneOf('wait', 'disconnect') },
      "slowSubscribers must be 'wait' or 'disconnect', not 'dissconnect'",
    ],
    [{ count: 1.5 }, { count: wholeNumber(1, 3) }, 'count must be a whole number from 1 to 3, not 1.5'],
    [{ count: '2' }, { count: wholeNumber(1, 3) }, "count must be a whole number from 1 to 3, not '2'"],
    [
      { count: u32 },
      { count: wholeNumber(1, 3) },
      'count must be a whole number from 1 to 3, not the function u32',
    ],
    ...[-1, 2 ** 31, Number.NaN].map((value): [unknown, Readonly<Record<string, Check>>, string] => [
      { timeout: value },
      { timeout: milliseconds },
      `timeout must be a whole number of milliseconds from 0 to 2147483647, or Infinity, not ${value}`,
    ]),
    [{ signal: null }, { signal: abortSignal }, 'signal must be an AbortSignal, not null'],
    [
      { signal: new AbortController() },
      { signal: abortSignal },
      expect.stringContaining('signal must be an AbortSignal, not AbortController') as never,
    ],
    ...[0, 0o400, 0o1600, 600, '0o600'].map((value): [unknown, Readonly<Record<string, Check>>, string] => [
      { mode: value },
      { mode: permissionBits },
      expect.stringContaining('mode must be permission bits from 0o600 to 0o777') as never,
    ]),
  ])('%j are refused, with what is allowed', (options, rules, message) => {
    let thrown: unknown;
    try {
      check(options, rules)();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT', channel: 'prices' });
    const text = (thrown as Error).message.replace('prices: ', '');
    expect(text).toEqual(message);
  });

  it('are shown on one line, and not at any length', () => {
    expect(check({ name: ['x'.repeat(1000), 'y\n'] }, { name: anyString })).toThrow(/^.{1,140}…$/);
  });
});

function u32(): void {}
