import { termOf } from '@mmfbus/codec/internal';
import type { MethodContract, MethodPart } from './service-contract.js';

/** Of the text: it stands at its beginning. */
export const CONTRACT_VERSION = 1;
/** Longest text of a contract, bytes: the longest schema that the header of a channel has room for. */
export const MAX_CONTRACT_LENGTH: number = 2 ** 20;

/** What stands in a text for values that another validator than a shape checks. */
export const VALIDATED = 'validated';
/** What stands in a text for no value where one is waited for. */
export const NOTHING = 'nothing';

/**
 * A contract as JSON, equal for equal contracts: without white space, members in the order below, methods and codes in the order
 * that they have. README.md defines it.
 */
export function contractText(methods: Iterable<MethodContract>): string {
  return `{"version":${CONTRACT_VERSION},"methods":[${[...methods].map(methodText).join(',')}]}`;
}

/** The part of the text that is of one method. */
export function methodText(method: MethodContract): string {
  const { name, input, output, isOneWay, errors, isIdempotent } = method;
  return JSON.stringify([
    name,
    {
      ...(input.kind === 'none' ? {} : { input: partTerm(input) }),
      ...(isOneWay ? {} : { output: partTerm(output) }),
      ...(errors.size === 0 ? {} : { errors: [...errors].map(([code, data]) => [code, partTerm(data)]) }),
      ...(isIdempotent ? { idempotent: true } : {}),
    },
  ]);
}

function partTerm({ kind, shape, isValidated }: MethodPart): unknown {
  if (shape === undefined) return NOTHING;
  const term = isValidated ? VALIDATED : termOf(shape.node);
  return kind === 'stream' ? { stream: term } : term;
}
