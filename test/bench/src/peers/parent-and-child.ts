import { isMainThread, parentPort } from 'node:worker_threads';
import type { Job } from '../job.js';
import type { Consumer, ConsumerHandles, Peer, Producer } from './peer.js';

/** Peers that talk through what Node gives to parents and children. */
function parentAndChild(start: 'fork-json' | 'fork-advanced' | 'worker'): Peer {
  return { start, produce, consume };
}

async function produce(
  _: Job,
  onReply: (message: unknown) => void,
  consumers: ConsumerHandles,
): Promise<Producer> {
  let children: Awaited<ConsumerHandles['all']> = [];
  void consumers.all.then((all) => {
    children = all;
    for (const child of all) child.onPost(onReply);
  });
  return {
    send: (message) => {
      let ready = true;
      for (const child of children) if (!child.post(message)) ready = false;
      return ready;
    },
    drained: async () => {
      for (const child of children) await child.drained();
    },
    close: async () => {},
  };
}

async function consume(_: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
  if (isMainThread) {
    process.on('message', onMessage);
    return { reply: (message) => process.send?.(message), close: async () => process.disconnect() };
  }
  parentPort?.on('message', onMessage);
  return { reply: (message) => parentPort?.postMessage(message), close: async () => parentPort?.close() };
}

export const childProcessJson: Peer = parentAndChild('fork-json');
export const childProcessAdvanced: Peer = parentAndChild('fork-advanced');
export const workerThreads: Peer = parentAndChild('worker');
