import { isMainThread, parentPort } from 'node:worker_threads';
import type { Job } from '../job.js';
import type { Consumer, Peer, Postable, Producer } from './peer.js';

async function produce(
  _: Job,
  onReply: (message: unknown) => void,
  children: readonly Postable[],
): Promise<Producer> {
  for (const child of children) child.onPost(onReply);
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

/** What Node gives to parents and children. */
export const parentAndChild: Peer = { produce, consume };
