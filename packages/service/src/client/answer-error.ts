import { callLayout } from '@mmfbus/channel/internal';
import { DeclaredError } from '../contract/declared-error.js';
import type { MethodContract } from '../contract/service-contract.js';
import { ServiceError } from '../foundation/errors.js';
import { readPassedOn } from '../foundation/passed-on.js';
import type { AnswerHead } from '../wire/answer.js';

const { ANSWER_ERROR, ANSWER_REFUSED, ANSWER_REMOTE } = callLayout;

/** The value of an answer, or why it cannot be read. */
export function decodeValue(
  service: string,
  method: MethodContract,
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly value: unknown } | ServiceError {
  try {
    return { value: method.output.codec.decode(bytes, start, end) };
  } catch (cause) {
    return unreadable(service, method, cause);
  }
}

/**
 * The error that an answer carries.
 *
 * @param started whether this attempt, or one before it, can have run here.
 * @param before whether one before it can have.
 */
export function errorOfAnswer(
  service: string,
  method: MethodContract,
  head: AnswerHead,
  bytes: Uint8Array,
  end: number,
  started: false | 'maybe',
  before: boolean,
): Error {
  const text = textOf(bytes, head.textStart, head.textEnd);
  switch (head.kind) {
    case ANSWER_ERROR:
      return declaredError(service, method, text, bytes.subarray(head.dataStart, end));
    case ANSWER_REMOTE:
      return remoteError(service, method, text, textOf(bytes, head.dataStart, end), before);
    case ANSWER_REFUSED: {
      const problem = textOf(bytes, head.dataStart, end);
      return new ServiceError('REFUSED', service, `${method.name}: the input does not fit: ${problem}`, {
        started,
      });
    }
    default:
      return unreadable(service, method, new Error(`an answer of kind ${head.kind}`));
  }
}

function declaredError(service: string, method: MethodContract, code: string, data: Uint8Array): Error {
  const part = method.errors.get(code);
  if (part === undefined)
    return remoteError(service, method, code, 'an error that this program does not know', true);
  try {
    return new DeclaredError(service, method.name, code, part.codec.decode(data, 0, data.length));
  } catch (cause) {
    return unreadable(service, method, cause);
  }
}

function remoteError(
  service: string,
  method: MethodContract,
  name: string,
  text: string,
  before: boolean,
): ServiceError {
  const [message = '', stack] = text.split('\0', 2);
  const passedOn = readPassedOn(name);
  if (passedOn !== undefined) {
    const { code } = passedOn;
    const started = before ? 'maybe' : passedOn.started;
    return new ServiceError(code, service, `${method.name}: ${message}`, { started });
  }
  const cause = new Error(message);
  cause.name = name;
  if (stack === undefined) delete cause.stack;
  else cause.stack = stack;
  return new ServiceError('REMOTE', service, `${method.name}: its handler threw ${name}: ${message}`, {
    started: 'maybe',
    cause,
  });
}

function unreadable(service: string, { name }: MethodContract, cause: unknown): ServiceError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError('REFUSED', service, `${name}: its answer cannot be read: ${problem}`, {
    started: 'maybe',
    cause,
  });
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.slice(start, end)).toString();
}
