import { canonicalText, difference } from '@mmfbus/codec';
import { methodText } from './contract-text.js';
import type { MethodContract, MethodPart, ServiceContract } from './service-contract.js';

/** Whether a client can call a method of a server whose contract is another version of its own. */
export type MethodComparison =
  /** It is the same method, or one whose values each side reads. */
  | {
      readonly outcome: 'same' | 'compatible';
      /** Whether both sides say so: only then may a call run twice. */
      readonly isIdempotent: boolean;
    }
  /** The server does not have it. */
  | { readonly outcome: 'missing' }
  /** The server has another method of that name. */
  | {
      readonly outcome: 'different';
      /** What keeps them apart, as in `input price: f64 there, u32 here`, with the server there. */
      readonly difference: string;
    };

/**
 * Compares the contract of a client with that of a server, method by method. Only what travels counts: a server must read each input that
 * the client writes, and the client each output, and the data of each error that it knows, that the server writes. `docs/shapes.md` says
 * which shapes go together so; what another validator checks counts as `unknown()`. Errors that only one side declares keep nothing apart.
 *
 * @returns the outcome for each method of the client. What only the server has does not matter.
 */
export function compareContracts(
  client: ServiceContract,
  server: ServiceContract,
): ReadonlyMap<string, MethodComparison> {
  const isSame = client.text === server.text;
  return new Map(
    [...client.methods.values()].map((method) => [
      method.name,
      isSame ? same(method) : compareMethods(method, server.methods.get(method.name)),
    ]),
  );
}

function same({ isIdempotent }: MethodContract): MethodComparison {
  return { outcome: 'same', isIdempotent };
}

function compareMethods(client: MethodContract, server: MethodContract | undefined): MethodComparison {
  if (server === undefined) return { outcome: 'missing' };
  const differences = [
    partDifference('input', 'write', client.input, server.input),
    client.isOneWay === server.isOneWay
      ? partDifference('output', 'read', client.output, server.output)
      : `output: ${outputName(server)} there, ${outputName(client)} here`,
    ...[...client.errors].map(([code, data]) => {
      const other = server.errors.get(code);
      return other && partDifference(code, 'read', data, other);
    }),
  ];
  const found = differences.find((text) => text !== undefined);
  if (found !== undefined) return { outcome: 'different', difference: found };
  const isIdempotent = client.isIdempotent && server.isIdempotent;
  return { outcome: methodText(client) === methodText(server) ? 'same' : 'compatible', isIdempotent };
}

/** @param direction what the client does with it. */
function partDifference(
  what: string,
  direction: 'read' | 'write',
  client: MethodPart,
  server: MethodPart,
): string | undefined {
  if (client.kind !== server.kind) return `${what}: ${kindName(server)} there, ${kindName(client)} here`;
  if (client.shape === undefined || server.shape === undefined) return undefined;
  const found = difference(client.shape, canonicalText(server.shape), { direction });
  return found && `${what} ${found}`;
}

function outputName({ isOneWay, output }: MethodContract): string {
  return isOneWay ? 'one way' : kindName(output);
}

function kindName({ kind }: MethodPart): string {
  return kind === 'none' ? 'nothing' : kind === 'stream' ? 'a stream' : 'one value';
}
