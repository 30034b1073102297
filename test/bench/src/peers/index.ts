import { mmfbus } from './mmfbus.js';
import { nats } from './nats.js';
import { childProcessAdvanced, childProcessJson, workerThreads } from './parent-and-child.js';
import type { Peer } from './peer.js';
import { redis } from './redis.js';
import { socket } from './socket.js';
import { zeromq } from './zeromq.js';

/** Everything that is compared, ours first. */
export const peers: readonly Peer[] = [
  mmfbus,
  socket,
  workerThreads,
  childProcessJson,
  childProcessAdvanced,
  zeromq,
  nats,
  redis,
];

/** The peer of that name. */
export function peerNamed(name: string): Peer {
  const peer = peers.find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Error(`there is no peer ${JSON.stringify(name)}`);
  return peer;
}
