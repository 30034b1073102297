import { parentPort } from 'node:worker_threads';
import { expose, releaseProxy, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { Answer, CallPeer } from '../call-peer.js';

/** comlink between a process and its Worker: structured clones through a MessagePort. */
export const comlink: CallPeer = {
  async serve(_, answer) {
    if (parentPort === null) throw new Error('comlink serves in a Worker');
    expose({ worth: answer }, nodeEndpoint(parentPort));
    return { close: async () => parentPort?.close() };
  },

  async connect(_, worker) {
    if (worker === undefined) throw new Error('comlink calls a Worker');
    const remote = wrap<{ worth: Answer }>(nodeEndpoint(worker));
    return { call: (quote) => remote.worth(quote), close: async () => remote[releaseProxy]() };
  },
};
