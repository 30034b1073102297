import type { AnswerStream, MethodContract, ServiceContract } from '@mmfbus/service';
import { type DynamicClient, failureOf, joinClient } from '../command/call/dynamic-client.js';
import { type CallInput, typedValue } from '../command/call/input.js';
import { ServiceLooks } from '../command/services/service-looks.js';
import type { CallAnswer, CallRequest } from './protocol.js';
import { shownValue } from './shown-value.js';

/** Milliseconds after which a call of the page is given up. */
const PATIENCE = 10_000;
/** Values of a stream that a page is shown; then the stream is left. */
const MOST_VALUES = 50;

/**
 * Makes one call, checked by the contract of a server. Joins for that moment only.
 *
 * @throws where the service or the method does not exist, or the input does not fit.
 */
export async function callOnce({ service, method: name, input }: CallRequest): Promise<CallAnswer> {
  const { contract, method } = methodOf(service, name);
  const values = inputOf(method, input);
  const client = await joinClient(contract, 'mmfbus ui', AbortSignal.timeout(PATIENCE));
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  try {
    const { text, shown } = await answerOf(client, method, values);
    return { text, duration: elapsed(), values: shown.map(shownValue), isError: false };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    const { code, message, started, data } = failure;
    const text = `${code}: ${message}; it ${started === false ? 'did not run' : 'may have run'}`;
    return { text, duration: elapsed(), values: data === undefined ? [] : [shownValue(data)], isError: true };
  } finally {
    await client.close();
  }
}

function methodOf(
  service: string,
  name: string,
): { readonly contract: ServiceContract; readonly method: MethodContract } {
  const looks = new ServiceLooks();
  looks.event(service);
  const state = looks.stateOf(service);
  if (state === undefined) throw new Error(`there is no service ${service}`);
  for (const { contract } of state.servers) {
    const method = contract?.methods.get(name);
    if (contract !== undefined && method !== undefined) return { contract, method };
  }
  throw new Error(`${service} has no method ${name}`);
}

function inputOf({ name, input }: MethodContract, json: unknown): CallInput {
  if (input.kind === 'none') return [];
  if (input.kind === 'value') return [typedValue(input, json)];
  if (!Array.isArray(json)) throw new Error(`${name} takes a stream: a list of its items`);
  return [json.map((item) => typedValue(input, item))];
}

async function answerOf(
  client: DynamicClient,
  { name, output, isOneWay }: MethodContract,
  input: CallInput,
): Promise<{ readonly text: string; readonly shown: readonly unknown[] }> {
  const answer = client.call(name, input, { timeout: PATIENCE });
  if (output.kind === 'stream') return readSome(answer as AnswerStream<unknown>);
  const value = await answer;
  if (isOneWay) return { text: 'Sent.', shown: [] };
  return output.kind === 'none' ? { text: 'Done.', shown: [] } : { text: 'Answered.', shown: [value] };
}

/** The first values of a stream, in as much time as a call has. */
async function readSome(
  stream: AnswerStream<unknown>,
): Promise<{ readonly text: string; readonly shown: readonly unknown[] }> {
  const shown: unknown[] = [];
  try {
    for await (const value of stream) {
      shown.push(value);
      if (shown.length === MOST_VALUES) return { text: `The first ${MOST_VALUES} values.`, shown };
    }
  } catch (error) {
    if (failureOf(error)?.code !== 'TIMEOUT' || shown.length === 0) throw error;
    return { text: `What came within ${PATIENCE / 1000} seconds.`, shown };
  }
  return { text: `The stream has ended after ${shown.length} values.`, shown };
}
