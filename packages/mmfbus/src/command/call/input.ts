import type { MethodContract } from '@mmfbus/service';
import { UsageError } from '@mmfbus/terminal';
import { Failure } from '../failure.js';
import { inputLines } from '../lines.js';
import { fromJson } from '../pub/from-json.js';
import { parseJson } from '../pub/parse-json.js';
import { signatureOf } from '../values.js';

/** What a method is called with: nothing, or its input. */
export type CallInput = readonly [] | readonly [input: unknown];

/**
 * The input of a call, of what the command line says: JSON, or `-` for the standard input. A stream comes from the standard input, one
 * value a line, or from a list.
 *
 * @param fail is told why a stream ended too early.
 * @throws {UsageError} where there is an input and the method takes none, or the reverse; {Failure} for what is no JSON.
 */
export async function inputOf(
  name: string,
  method: MethodContract,
  text: string | undefined,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Promise<CallInput> {
  const { input } = method;
  if (input.kind === 'none') {
    if (text === undefined) return [];
    throw new UsageError(`${name} takes no input`);
  }
  if (input.kind === 'stream') {
    return [
      text === undefined || text === '-' ? linesFor(method, signal, fail) : listFor(name, method, text),
    ];
  }
  if (text === undefined) {
    throw new UsageError(
      `the input is missing: ${name}${signatureOf(method)}; - reads it from the standard input`,
    );
  }
  return [read(method, text === '-' ? await wholeInput(signal) : text)];
}

/** A value, or an item of a stream, as the contract has it. */
function read({ input }: Pick<MethodContract, 'input'>, text: string): unknown {
  return typedValue(input, parseJson(text));
}

/** The same of JSON that was parsed. */
export function typedValue({ shape, isValidated }: MethodContract['input'], json: unknown): unknown {
  return shape === undefined || isValidated ? json : fromJson(shape.node, json);
}

function listFor(name: string, { input }: MethodContract, text: string): unknown[] {
  const list = parseJson(text);
  if (Array.isArray(list)) return list.map((item) => typedValue(input, item));
  throw new Failure(`${name} takes a stream: a list of its items, or one a line on the standard input`);
}

async function* linesFor(
  method: MethodContract,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): AsyncGenerator<unknown> {
  for await (const { text, line } of inputLines(signal)) {
    try {
      yield read(method, text);
    } catch (error) {
      const failure =
        error instanceof Failure ? new Failure(`line ${line}: ${error.message}`, { cause: error }) : error;
      fail(failure);
      throw failure;
    }
  }
}

async function wholeInput(signal: AbortSignal): Promise<string> {
  let whole = '';
  for await (const { text } of inputLines(signal)) whole += `${text}\n`;
  return whole;
}
