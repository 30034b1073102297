import { join } from 'node:path';
import { pack, unpack } from 'msgpackr';
import { Dealer, Reply, Request } from 'zeromq';
import type { Quote } from '../../messages/quote.js';
import type { CallJob } from '../call-job.js';
import type { CallClient, CallPeer } from '../call-peer.js';

function addressOf({ folder }: CallJob): string {
  return `ipc://${join(folder, 'zeromq.sock')}`;
}

/** One call at a time: a request waits for its reply. */
function openRequest(job: CallJob): CallClient {
  const request = new Request({ linger: 0 });
  request.connect(addressOf(job));
  return {
    call: async (quote) => {
      await request.send(pack(quote));
      const [reply] = await request.receive();
      return unpack(reply as Buffer) as number;
    },
    close: async () => request.close(),
  };
}

/**
 * Several: a dealer, which sends without waiting. It adds what a request adds by itself, an empty frame, and before that a number, which the
 * reply comes back with.
 */
function openDealer(job: CallJob): CallClient {
  const dealer = new Dealer({ linger: 0 });
  dealer.connect(addressOf(job));
  const waiting = new Map<number, (value: number) => void>();
  const number = Buffer.alloc(4);
  let calls = 0;
  // A socket takes one message at a time.
  let sent: Promise<void> = Promise.resolve();
  void (async () => {
    for await (const [call, , reply] of dealer) {
      const id = (call as Buffer).readUInt32LE();
      waiting.get(id)?.(unpack(reply as Buffer) as number);
      waiting.delete(id);
    }
  })().catch(() => {});
  return {
    call: (quote) =>
      new Promise((resolve, reject) => {
        const id = calls++;
        waiting.set(id, resolve);
        number.writeUInt32LE(id);
        const frames = [Buffer.from(number), Buffer.alloc(0), pack(quote)];
        sent = sent.then(() => dealer.send(frames));
        sent.catch(reject);
      }),
    close: async () => dealer.close(),
  };
}

/** ZeroMQ request and reply over `ipc://`, with msgpackr. */
export const zeromq: CallPeer = {
  async serve(job, answer) {
    const reply = new Reply({ linger: 0 });
    await reply.bind(addressOf(job));
    void (async () => {
      for await (const [request] of reply) await reply.send(pack(answer(unpack(request as Buffer) as Quote)));
    })().catch(() => {});
    return { close: async () => reply.close() };
  },

  connect: async (job) => (job.atOnce === 1 ? openRequest(job) : openDealer(job)),
};
