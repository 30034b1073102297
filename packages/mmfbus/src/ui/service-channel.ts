import type { ChannelRow, ClientRow, ParticipantRow, ServerRow, ServiceRow } from './protocol.js';

/** A service as a row among channels: its clients send calls, and its servers take them. */
export function asChannelRow({ name, rate, servers, clients, served }: ServiceRow): ChannelRow {
  return {
    name,
    isService: true,
    codec: '',
    capacity: 0,
    published: served,
    rate,
    bytes: 0,
    wakeUps: 0,
    participants: [
      ...clients.map((client, index) => participantOf('client', client, index, 0)),
      ...servers.map((server, index) => participantOf('server', server, clients.length + index, server.rate)),
    ],
  };
}

function participantOf(
  role: 'server' | 'client',
  { pid, name, program, alive }: ServerRow | ClientRow,
  slot: number,
  rate: number,
): ParticipantRow {
  return { slot, role, pid, name, program, alive, rate, wakeUps: 0, lag: 0, holds: false };
}
