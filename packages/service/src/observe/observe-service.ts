import type { ParticipantInfo } from '@mmfbus/channel';
import {
  type ChannelMemory,
  inspectMemory,
  ParticipantTable,
  PHASE_SERVING,
  readEncoding,
  registryName,
} from '@mmfbus/channel/internal';
import { probeLife } from '@mmfbus/core/internal';
import { contractOfText } from '../contract/contract-of-text.js';
import type { ServiceContract } from '../contract/service-contract.js';
import { inboxName } from '../wire/segments.js';
import { readCalls, readMethods } from './method-state.js';
import type { Seated, ServerState, ServiceState } from './service-state.js';
import { lookInto } from './view.js';

/** Slot of the server in its inbox. */
const SERVER_SLOT = 0;

/** A participant of the registry, with what its slot says besides. */
interface Registered {
  readonly participant: ParticipantInfo;
  readonly phase: number;
  readonly inbox: bigint;
}

interface Inbox extends Pick<ServerState, 'outstanding' | 'contract' | 'problem' | 'methods' | 'calls'> {
  /** The clients that have joined it. */
  readonly clients: readonly ParticipantInfo[];
}

const UNSEEN: Inbox = {
  outstanding: 0,
  contract: undefined,
  problem: undefined,
  methods: [],
  calls: [],
  clients: [],
};

/** Contracts that are kept, so that a service that is looked at often is read once. */
const MOST_CONTRACTS = 64;

/**
 * Looks at services of this user without joining them. Servers and clients do nothing for it, and nothing is kept alive. What the
 * memory says is checked, and not believed: at worst the numbers are wrong.
 */
export class ServiceObserver {
  readonly #contracts = new Map<string, ServiceContract | Error>();

  /**
   * Looks at a service now.
   *
   * @returns undefined where neither a server nor a client of it is there.
   * @throws `ChannelError` and `MmfError` where its registry cannot be looked at.
   */
  look(service: string): ServiceState | undefined {
    const registered = lookInto(registryName(service), readRegistry);
    if (registered === undefined || registered.length === 0) return undefined;
    const servers = registered
      .filter(({ participant }) => participant.role === 'publisher')
      .map((server) => ({ ...server, seen: this.#lookAtInbox(service, server.inbox) }));
    const clients = registered.filter(({ participant }) => participant.role === 'subscriber');
    return {
      name: service,
      servers: servers.map(({ participant, phase, inbox, seen: { clients, ...seen } }) => ({
        slot: participant.slot,
        ...seatedOf(participant),
        inbox: hexadecimal(inbox),
        phase: phase === PHASE_SERVING ? 'serving' : 'draining',
        ...seen,
      })),
      clients: clients.map(({ participant }) => ({
        ...seatedOf(participant),
        inboxes: servers
          .filter(({ seen }) => seen.clients.some((one) => isSame(one, participant)))
          .map(({ inbox }) => hexadecimal(inbox)),
      })),
    };
  }

  #lookAtInbox(service: string, id: bigint): Inbox {
    try {
      const seen = lookInto(inboxName(service, id), (memory) => this.#readInbox(service, memory));
      return seen ?? { ...UNSEEN, problem: 'its inbox is gone' };
    } catch (error) {
      return { ...UNSEEN, problem: messageOf(error) };
    }
  }

  #readInbox(service: string, memory: ChannelMemory): Inbox {
    const { published, participants } = inspectMemory(memory, () => 'unknown');
    const contract = this.#contractOf(service, readEncoding(memory).schema ?? '');
    const known = contract instanceof Error ? undefined : contract;
    return {
      outstanding: Math.max(0, published - new ParticipantTable(memory).doneOf(SERVER_SLOT)),
      contract: known,
      problem: contract instanceof Error ? contract.message : undefined,
      methods: readMethods(memory, known),
      calls: readCalls(memory, known),
      clients: participants.filter(({ role }) => role === 'publisher'),
    };
  }

  #contractOf(service: string, text: string): ServiceContract | Error {
    const key = `${service}\n${text}`;
    let contract = this.#contracts.get(key);
    if (contract === undefined) {
      if (this.#contracts.size >= MOST_CONTRACTS) this.#contracts.clear();
      try {
        contract = contractOfText(service, text);
      } catch (error) {
        contract = error instanceof Error ? error : new Error(String(error));
      }
      this.#contracts.set(key, contract);
    }
    return contract;
  }
}

function readRegistry(memory: ChannelMemory): Registered[] {
  const table = new ParticipantTable(memory);
  return inspectMemory(memory, probeLife).participants.map((participant) => ({
    participant,
    phase: table.phaseOf(participant.slot),
    inbox: BigInt.asUintN(64, table.detailOf(participant.slot)),
  }));
}

function seatedOf({ pid, name, alive, joinedAt }: ParticipantInfo): Seated {
  return { pid, name, alive, joinedAt };
}

/** A client has its name in each segment that it joins. */
function isSame(a: ParticipantInfo, b: ParticipantInfo): boolean {
  return a.pid === b.pid && a.name === b.name;
}

function hexadecimal(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
