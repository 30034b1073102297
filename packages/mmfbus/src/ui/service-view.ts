import { timers } from '@mmfbus/core/internal';
import type { MethodContract, ServiceContract } from '@mmfbus/service';
import { serviceCodeOf } from '../command/code.js';
import type { Scope } from '../command/command.js';
import { checkScope, ServiceLooks } from '../command/services/service-looks.js';
import type { EventStream } from './event-stream.js';
import type { ContractEvent, MethodForm, ServiceEvent } from './protocol.js';
import type { Programs } from './rows.js';

/** Milliseconds between two looks. */
const LOOK_MS = 500;
/** Characters of code that a page gets. */
const MOST_CODE = 20_000;

/** Tells a page of one service until it closes. */
export async function showService(
  service: string,
  scope: Scope,
  stream: EventStream,
  programs: Programs,
): Promise<void> {
  try {
    checkScope(scope);
    await tell(service, stream, programs);
  } catch (error) {
    if (stream.closed.aborted) return;
    stream.send('trouble', { text: error instanceof Error ? error.message : String(error) });
    stream.close();
  }
}

async function tell(service: string, stream: EventStream, programs: Programs): Promise<void> {
  const looks = new ServiceLooks(programs);
  let told: string | undefined;
  while (!stream.closed.aborted) {
    const event = looks.event(service);
    // What a page does not take is left out.
    if (!stream.isSlow) {
      stream.send('service', event ?? nothing());
      const contract = looks
        .stateOf(service)
        ?.servers.find((server) => server.contract !== undefined)?.contract;
      if (contract !== undefined && contract.text !== told) {
        told = contract.text;
        stream.send('contract', contractEventOf(contract));
      }
    }
    await timers.sleep(LOOK_MS, { signal: stream.closed });
  }
}

function nothing(): ServiceEvent {
  const recent = { p50: null, p99: null };
  return { at: Date.now(), row: undefined, methods: [], calls: [], omitted: 0, recent };
}

function contractEventOf(contract: ServiceContract): ContractEvent {
  return { code: codeOf(contract).slice(0, MOST_CODE), methods: [...contract.methods.values()].map(formOf) };
}

function codeOf(contract: ServiceContract): string {
  try {
    // Without what it imports.
    return serviceCodeOf(contract, 'typescript').replace(/^[\s\S]*?(?=^export const )/m, '');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function formOf({ name, input, output, isOneWay }: MethodContract): MethodForm {
  return {
    name,
    input: input.kind,
    node: input.isValidated ? undefined : input.shape?.node,
    output: output.kind,
    isOneWay,
  };
}
