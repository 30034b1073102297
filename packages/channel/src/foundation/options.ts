import { inspect } from 'node:util';
import { ChannelError } from './errors.js';

/** What the value of an option must be, in words, where it is something else; undefined where it is right. */
export type Check = (value: unknown) => string | undefined;

/** Longest time to wait that a timer takes, milliseconds: some 24 days. */
const LONGEST_TIMEOUT: number = 2 ** 31 - 1;
/** Characters of a wrong value that an error shows. */
const MOST_SHOWN = 80;
const PERMISSION_BITS = 0o777;
const OWNER_READS_AND_WRITES = 0o600;

/**
 * Refuses options that there are not, and values that do not pass their checks. An option that is undefined is not given.
 *
 * @param channel the channel that it is about.
 * @param what the call that takes the options, such as `publisher()`.
 * @param rules the options that the call takes, each with its check.
 * @throws {@link ChannelError} `INVALID_ARGUMENT`, which names what is allowed and what there is.
 */
export function checkOptions(
  channel: string,
  what: string,
  options: unknown,
  rules: Readonly<Record<string, Check>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(channel, `the options of ${what} must be an object, not ${shown(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (check === undefined) {
      const allowed = Object.keys(rules).join(', ');
      throw invalid(channel, `${what} has no option ${JSON.stringify(name)}; it takes ${allowed}`);
    }
    checkValue(channel, name, value, check);
  }
}

/**
 * Refuses a value that does not pass the check.
 *
 * @throws {@link ChannelError} `INVALID_ARGUMENT`.
 */
export function checkValue(channel: string, name: string, value: unknown, check: Check): void {
  const due = check(value);
  if (due !== undefined) throw invalid(channel, `${name} must be ${due}, not ${shown(value)}`);
}

function invalid(channel: string, text: string): ChannelError {
  return new ChannelError('INVALID_ARGUMENT', channel, text);
}

/** A value as an error shows it: on one line, and not at any length. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name || 'without a name'}`;
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, customInspect: false });
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}

/** A string. */
export const anyString: Check = (value) => (typeof value === 'string' ? undefined : 'a string');

/** `true` or `false`. */
export const anyBoolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

/** One of these strings or numbers. */
export function oneOf(...allowed: readonly (string | number)[]): Check {
  const due = allowed.map((one) => inspect(one)).join(' or ');
  return (value) => (allowed.some((one) => one === value) ? undefined : due);
}

/** A whole number within the limits, both included. */
export function wholeNumber(least: number, most: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `a whole number from ${least} to ${most}`;
}

const timerMilliseconds: Check = wholeNumber(0, LONGEST_TIMEOUT);

/** Milliseconds to wait, as a timer takes them; `Infinity` for as long as it takes. */
export const milliseconds: Check = (value) =>
  value === Number.POSITIVE_INFINITY || timerMilliseconds(value) === undefined
    ? undefined
    : `a whole number of milliseconds from 0 to ${LONGEST_TIMEOUT}, or Infinity`;

const LONGEST_POLL_WINDOW = 1000;

/** Milliseconds for which something is looked for again and again. */
export const anyPollWindow: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= LONGEST_POLL_WINDOW
    ? undefined
    : `a number of milliseconds from 0 to ${LONGEST_POLL_WINDOW}`;

/** An `AbortSignal`, of whatever realm. */
export const abortSignal: Check = (value) => {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
    ? undefined
    : 'an AbortSignal';
};

/** POSIX permission bits with which the owner can use what was made. */
export const permissionBits: Check = (value) =>
  wholeNumber(OWNER_READS_AND_WRITES, PERMISSION_BITS)(value) === undefined &&
  ((value as number) & OWNER_READS_AND_WRITES) === OWNER_READS_AND_WRITES
    ? undefined
    : 'permission bits from 0o600 to 0o777 that let the owner read and write, such as 0o660';

/** As `chown` takes them; -1, which all bits make, leaves the group as it is. */
const MOST_GROUP_ID: number = 2 ** 32 - 2;
const groupId: Check = wholeNumber(0, MOST_GROUP_ID);

/** A POSIX group. */
export const anyGroup: Check = (value) =>
  groupId(value) === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))
    ? undefined
    : `the name of a group, or its id from 0 to ${MOST_GROUP_ID}`;

/** The options of each call that waits. */
export const waitRules: { readonly signal: Check; readonly timeout: Check } = {
  signal: abortSignal,
  timeout: milliseconds,
};

/** The options of each call that joins a channel, beside its own. */
export const joinRules: Readonly<Record<'name' | 'open' | 'signal' | 'timeout', Check>> = {
  name: anyString,
  open: oneOf('open-or-create', 'open', 'create'),
  ...waitRules,
};
