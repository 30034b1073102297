import type { ParticipantInfo } from '@mmfbus/channel';
import type { ServiceContract } from '../contract/service-contract.js';
import type { MethodState, ObservedCall } from './method-state.js';

/** A service, as the memory of its registry and of its servers describes it. Stale on arrival. */
export interface ServiceState {
  readonly name: string;
  readonly servers: readonly ServerState[];
  readonly clients: readonly ClientState[];
}

/** What is known of a server or a client as a participant of the registry. */
export type Seated = Pick<ParticipantInfo, 'pid' | 'name' | 'alive' | 'joinedAt'>;

/** A server. */
export interface ServerState extends Seated {
  /** Its slot in the registry. */
  readonly slot: number;
  /** Id of its inbox, 16 hexadecimal digits: no other server ever has it. */
  readonly inbox: string;
  readonly phase: 'serving' | 'draining';
  /** Messages that it was sent and is not done with. */
  readonly outstanding: number;
  /** Its contract; undefined where its text makes no sense, or its inbox cannot be looked at. */
  readonly contract: ServiceContract | undefined;
  /** What keeps its inbox or its contract from being read. */
  readonly problem: string | undefined;
  /** What it did, by methods, in the order of its contract. */
  readonly methods: readonly MethodState[];
  /** Its last calls, the newest first: 256 at most. */
  readonly calls: readonly ObservedCall[];
}

/** A client. */
export interface ClientState extends Seated {
  /** Ids of the inboxes that it has joined: those of the servers that it can call. */
  readonly inboxes: readonly string[];
}
