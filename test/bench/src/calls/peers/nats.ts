import { connect as connectNats } from '@nats-io/transport-node';
import type { Quote } from '../../messages/quote.js';
import type { CallPeer } from '../call-peer.js';

/** Milliseconds: a machine that is busy is not a service that is gone. */
const TIMEOUT = 60_000;

/** Requests of NATS, with JSON as its client has it built in. */
export const nats: CallPeer = {
  async serve({ name, port }, answer) {
    const connection = await connectNats({ servers: `127.0.0.1:${port}` });
    connection.subscribe(name, {
      callback: (_, message) => void message.respond(JSON.stringify(answer(message.json<Quote>()))),
    });
    await connection.flush();
    return { close: () => connection.close() };
  },

  async connect({ name, port }) {
    const connection = await connectNats({ servers: `127.0.0.1:${port}` });
    return {
      call: async (quote) => {
        const reply = await connection.request(name, JSON.stringify(quote), { timeout: TIMEOUT });
        return reply.json<number>();
      },
      close: () => connection.close(),
    };
  },
};
