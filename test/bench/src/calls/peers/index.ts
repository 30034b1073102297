import type { CallPeer } from '../call-peer.js';

/** Name of a peer. */
export type CallPeerName =
  | 'mmfbus'
  | 'gRPC'
  | 'HTTP'
  | 'vscode-jsonrpc'
  | 'birpc'
  | 'birpc, gathered'
  | 'NATS'
  | 'ZeroMQ'
  | 'comlink';

/** Everything that is compared, ours first. Loaded when it is its turn: each takes its time. */
const loaders: Readonly<Record<CallPeerName, () => Promise<CallPeer>>> = {
  mmfbus: async () => (await import('./mmfbus.js')).mmfbus,
  gRPC: async () => (await import('./grpc.js')).grpc,
  HTTP: async () => (await import('./http.js')).http,
  'vscode-jsonrpc': async () => (await import('./jsonrpc.js')).jsonRpc,
  birpc: async () => (await import('./birpc.js')).birpc,
  'birpc, gathered': async () => (await import('./birpc.js')).birpcGathered,
  NATS: async () => (await import('./nats.js')).nats,
  ZeroMQ: async () => (await import('./zeromq.js')).zeromq,
  comlink: async () => (await import('./comlink.js')).comlink,
};

/** The peer of that name. */
export function callPeerNamed(name: CallPeerName): Promise<CallPeer> {
  return loaders[name]();
}

/** Whether the end of that peer that serves is a Worker instead of a process. */
export function servesInWorker(name: CallPeerName): boolean {
  return name === 'comlink';
}
