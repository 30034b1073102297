import { ServiceError } from '../foundation/errors.js';
import { contractText, MAX_CONTRACT_LENGTH } from './contract-text.js';
import { methodHash } from './method-hash.js';
import { errorCodeProblem, methodNameProblem, serviceNameProblem } from './names.js';
import { NO_PART } from './part.js';
import type { MethodContract, MethodPart, ServiceContract } from './service-contract.js';

/** Methods of one service. */
export const MAX_METHODS = 128;

/** A method whose parts are checked, one by one. */
export interface MethodDraft {
  readonly name: string;
  readonly input: MethodPart;
  /** Undefined for one way. */
  readonly output: MethodPart | undefined;
  readonly errors: readonly (readonly [code: string, data: MethodPart])[];
  readonly isIdempotent: boolean;
}

/** The error for a contract that cannot be used. */
export function invalidContract(service: unknown, problem: string, cause?: unknown): ServiceError {
  const shown =
    typeof service === 'string' && serviceNameProblem(service) === undefined ? service : 'a service';
  return new ServiceError('INVALID_CONTRACT', shown, problem, { cause });
}

/**
 * Makes a contract of its methods: checks their names, and whatever they are not to be together.
 *
 * @throws {@link ServiceError} `INVALID_CONTRACT`.
 */
export function assembleContract(service: string, drafts: readonly MethodDraft[]): ServiceContract {
  const wrong = (problem: string) => invalidContract(service, problem);
  const nameProblem = serviceNameProblem(service);
  if (nameProblem !== undefined) throw wrong(nameProblem);
  if (drafts.length === 0 || drafts.length > MAX_METHODS) {
    throw wrong(`a service has 1 to ${MAX_METHODS} methods, not ${drafts.length}`);
  }
  const methods = new Map<string, MethodContract>();
  const byHash = new Map<number, MethodContract>();
  for (const draft of drafts.toSorted(byName)) {
    const problem = methodNameProblem(draft.name) ?? methodProblem(draft);
    if (problem !== undefined) throw wrong(problem);
    const method = toMethod(draft);
    const same = byHash.get(method.hash);
    if (same?.name === method.name) throw wrong(`the method ${method.name} is there twice`);
    if (same !== undefined) {
      throw wrong(`the names ${same.name} and ${method.name} have the same hash: rename one of the methods`);
    }
    methods.set(method.name, method);
    byHash.set(method.hash, method);
  }
  const text = contractText(methods.values());
  const { byteLength } = new TextEncoder().encode(text);
  if (byteLength > MAX_CONTRACT_LENGTH) {
    throw wrong(`the text of a contract has at most ${MAX_CONTRACT_LENGTH} bytes, not ${byteLength}`);
  }
  return Object.freeze({ name: service, text, methods, byHash });
}

/** What is wrong with a method whose parts are right by themselves. */
function methodProblem({ name, input, output, errors, isIdempotent }: MethodDraft): string | undefined {
  const codes = new Set<string>();
  for (const [code] of errors) {
    const problem = errorCodeProblem(code);
    if (problem !== undefined) return `${name}: ${problem}`;
    if (codes.has(code)) return `${name}: the error ${code} is there twice`;
    codes.add(code);
  }
  if (output === undefined) {
    const advice = 'give it an output, such as nothing()';
    if (errors.length > 0) return `${name} is one way, and answers no errors: ${advice}`;
    if (isIdempotent) return `${name} is one way, runs at most once and so is never run again: ${advice}`;
    if (input.kind === 'stream') return `${name} takes a stream, which needs an answer: ${advice}`;
  }
  if (isIdempotent && (input.kind === 'stream' || output?.kind === 'stream')) {
    return `${name} streams, and so cannot be run again: it is not idempotent`;
  }
  return undefined;
}

function toMethod({ name, input, output, errors, isIdempotent }: MethodDraft): MethodContract {
  return Object.freeze({
    name,
    hash: methodHash(name),
    isOneWay: output === undefined,
    isIdempotent,
    input,
    output: output ?? NO_PART,
    errors: new Map(errors.toSorted(([one], [other]) => (one < other ? -1 : 1))),
  });
}

function byName(one: MethodDraft, other: MethodDraft): number {
  return one.name < other.name ? -1 : 1;
}
