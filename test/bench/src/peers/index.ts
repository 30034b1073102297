import type { Program } from '../subjects/subject.js';
import type { Peer, Start } from './peer.js';

/** Everything that is compared, ours first. Loaded when it is its turn: the clients of servers take their time. */
const loaders: Readonly<Record<string, () => Promise<Peer>>> = {
  mmfbus: async () => (await import('./mmfbus.js')).mmfbus,
  'mmfbus, no shape': async () => (await import('./mmfbus.js')).mmfbusDynamic,
  'mmfbus, batches': async () => (await import('./mmfbus.js')).mmfbusBatches,
  'mmfbus, timestamps': async () => (await import('./mmfbus.js')).mmfbusTimestamps,
  'mmfbus, views': async () => (await import('./mmfbus.js')).mmfbusViews,
  'Unix socket': async () => (await import('./socket.js')).socket,
  'Unix socket, gathered': async () => (await import('./socket.js')).socketGathered,
  worker_threads: async () => (await import('./parent-and-child.js')).parentAndChild,
  child_process: async () => (await import('./parent-and-child.js')).parentAndChild,
  'child_process, advanced': async () => (await import('./parent-and-child.js')).parentAndChild,
  zeromq: async () => (await import('./zeromq.js')).zeromq,
  NATS: async () => (await import('./nats.js')).nats,
  Redis: async () => (await import('./redis.js')).redis,
};

/** The peer of that name. */
export async function peerNamed(name: string): Promise<Peer> {
  const peer = await loaders[name]?.();
  if (peer === undefined) throw new Error(`there is no peer ${JSON.stringify(name)}`);
  return peer;
}

const programs: Readonly<Record<string, Program>> = {
  NATS: { name: 'nats-server', debian: 'nats-server' },
  JetStream: { name: 'nats-server', debian: 'nats-server' },
  Redis: { name: 'redis-server', debian: 'redis-server' },
};

/** The server that a peer of that name needs, for messages and for calls. */
export function programOf(name: string): Program | undefined {
  return programs[name];
}

const starts: Readonly<Record<string, Start>> = {
  worker_threads: 'worker',
  child_process: 'fork-json',
  'child_process, advanced': 'fork-advanced',
};

/** How the consumers of that peer start. To be known before it is loaded: they load it at the same time. */
export function startOf(name: string): Start {
  return starts[name] ?? 'process';
}
