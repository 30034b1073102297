import {
  abortSignal,
  anyBoolean,
  anyPollWindow,
  anyString,
  type Check,
  milliseconds,
  shown,
  wholeNumber,
} from '@mmfbus/channel/internal';
import { ServiceError } from './errors.js';

export { abortSignal, anyBoolean, anyPollWindow, anyString, type Check, milliseconds };

/** A number of calls; `Infinity` for no limit. */
export function callCount(least: number): Check {
  const whole = wholeNumber(least, Number.MAX_SAFE_INTEGER);
  return (value) =>
    value === Number.POSITIVE_INFINITY || whole(value) === undefined
      ? undefined
      : `a whole number of at least ${least}, or Infinity`;
}

/**
 * Refuses options that there are not, and values that do not pass their checks. An option that is undefined is not given.
 *
 * @param what the call that takes the options, such as `serve()`.
 * @throws {@link ServiceError} `INVALID_ARGUMENT`.
 */
export function checkOptions(
  service: string,
  what: string,
  options: unknown,
  rules: Readonly<Record<string, Check>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(service, `the options of ${what} must be an object, not ${shown(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (check === undefined) {
      const allowed = Object.keys(rules).join(', ');
      throw invalid(service, `${what} has no option ${JSON.stringify(name)}; it takes ${allowed}`);
    }
    const due = check(value);
    if (due !== undefined) throw invalid(service, `${name} must be ${due}, not ${shown(value)}`);
  }
}

function invalid(service: string, text: string): ServiceError {
  return new ServiceError('INVALID_ARGUMENT', service, text);
}
