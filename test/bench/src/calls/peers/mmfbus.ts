import type { CallPeer } from '../call-peer.js';
import { worthService } from '../services.js';

/** A service, with everything as it is unless told otherwise. */
export const mmfbus: CallPeer = {
  serve: ({ name }, answer) => worthService(name).serve({ worth: answer }),

  async connect({ name }) {
    const client = await worthService(name).client();
    return { call: (quote) => client.worth(quote), close: () => client.$close() };
  },
};
