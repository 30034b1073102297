import {
  type ChannelDefinition,
  definePattern,
  PATTERN_CALLS,
  PATTERN_REGISTRY,
  PATTERN_REPLIES,
  registryName,
} from '@mmfbus/channel/internal';
import type { Codec } from '@mmfbus/codec';
import { raw } from '@mmfbus/codec';
import { type Packet, packetCodec } from './packet.js';

/** Slots of a registry and of an inbox, and of a mailbox. */
const MOST_SERVICE_PARTICIPANTS = 256;
const MOST_MAILBOX_PARTICIPANTS = 64;
const REGISTRY_CAPACITY = 4096;
/** Bytes of the ring of an inbox, and of a mailbox. */
const CAPACITY: number = 256 * 1024;

/** Who serves a service, and who calls it. */
export function registryDefinition(service: string): ChannelDefinition<unknown> {
  return definePattern({
    name: registryName(service),
    pattern: PATTERN_REGISTRY,
    codec: { ...raw(), id: 'mmfbus~service' } as Codec<unknown>,
    capacity: REGISTRY_CAPACITY,
    maxParticipants: MOST_SERVICE_PARTICIPANTS,
  });
}

/**
 * The calls of one server.
 *
 * @param text of its contract; undefined for clients, which take any.
 */
export function inboxDefinition(service: string, id: bigint, text?: string): ChannelDefinition<Packet> {
  const schema = text === undefined ? undefined : { text, difference: () => undefined };
  return definePattern({
    name: inboxName(service, id),
    pattern: PATTERN_CALLS,
    codec: { ...packetCodec(), id: 'mmfbus~calls', schema } as Codec<unknown>,
    capacity: CAPACITY,
    maxParticipants: MOST_SERVICE_PARTICIPANTS,
    takesAny: text === undefined,
  });
}

/** The answers to one client. */
export function mailboxDefinition(service: string, id: bigint): ChannelDefinition<Packet> {
  return definePattern({
    name: `${repliesPrefix(service)}${hex(id)}`,
    pattern: PATTERN_REPLIES,
    codec: { ...packetCodec(), id: 'mmfbus~replies' } as Codec<unknown>,
    capacity: CAPACITY,
    maxParticipants: MOST_MAILBOX_PARTICIPANTS,
  });
}

/** Name of the inbox with that id. */
export function inboxName(service: string, id: bigint): string {
  return `${callsPrefix(service)}${hex(id)}`;
}

/** What the names of all inboxes of a service begin with. */
export function callsPrefix(service: string): string {
  return `${service}~calls.`;
}

/** What the names of all mailboxes of its clients begin with. */
export function repliesPrefix(service: string): string {
  return `${service}~replies.`;
}

function hex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}
