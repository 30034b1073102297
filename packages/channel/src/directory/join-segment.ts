import type { ChannelDefinition } from '../format/definition.js';
import { type ChannelMemory, type OpenMode, openChannelMemory } from '../membership/channel-memory.js';
import { Participant } from '../membership/participant.js';
import { Registration } from './registration.js';

/** How a segment is joined. */
export interface Joining {
  readonly open: OpenMode;
  /** Name of the participant, for people. */
  readonly name: string;
  /** Whether the segment is listed in the directory. Defaults to false. */
  readonly isListed?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Opens a segment and joins it.
 *
 * @param takeRole is called with the publisher lock held.
 * @throws what opening and joining a channel throw; then nothing is left of it.
 */
export async function joinSegment<R>(
  definition: ChannelDefinition<unknown>,
  { open, name, isListed = false, signal }: Joining,
  takeRole: (participant: Participant, memory: ChannelMemory) => R,
): Promise<R> {
  const memory = await openChannelMemory(definition, open, signal);
  let registration: Registration | undefined;
  let joined: R;
  try {
    if (isListed) registration = await Registration.begin(definition, memory);
    signal.throwIfAborted();
    joined = await Participant.join(memory, name, signal, (participant) => takeRole(participant, memory));
  } catch (error) {
    memory.close();
    await memory.closed;
    throw error;
  }
  await registration?.enter();
  return joined;
}
