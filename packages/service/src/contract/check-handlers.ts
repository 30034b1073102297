import { ServiceError } from '../foundation/errors.js';
import { kindName, shownName } from './names.js';
import type { ServiceContract } from './service-contract.js';

/** A handler, as a server calls it: `this` is the object that it was given in. */
export type Handler = (input: unknown, context: unknown) => unknown;

/**
 * Refuses handlers that do not fit the contract: what is missing, what is no function, and what the contract does not have. Functions may
 * be inherited, as those of a class are.
 *
 * @returns the handlers by the names of their methods. What is done to the object later changes nothing.
 * @throws {@link ServiceError} `INVALID_HANDLERS`, which names all of them.
 */
export function checkHandlers(
  { name: service, methods }: ServiceContract,
  handlers: unknown,
): ReadonlyMap<string, Handler> {
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers)) {
    const problem = `the handlers must be an object with a function for each method, not ${kindName(handlers)}`;
    throw new ServiceError('INVALID_HANDLERS', service, problem);
  }
  const found = new Map<string, Handler>();
  const problems: string[] = [];
  for (const method of methods.keys()) {
    const handler: unknown = (handlers as Record<string, unknown>)[method];
    if (typeof handler === 'function') found.set(method, handler.bind(handlers) as Handler);
    else if (handler === undefined) problems.push(`${method} is missing`);
    else problems.push(`${method} must be a function, not ${kindName(handler)}`);
  }
  for (const key of Object.keys(handlers)) {
    if (!methods.has(key)) problems.push(`the contract has no method ${shownName(key)}`);
  }
  if (problems.length === 0) return found;
  throw new ServiceError('INVALID_HANDLERS', service, problems.join('; '));
}
