import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  credentials,
  loadPackageDefinition,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Quote } from '../../messages/quote.js';
import type { CallJob } from '../call-job.js';
import type { CallPeer } from '../call-peer.js';

const PROTO = fileURLToPath(new URL('../../../proto/quotes.proto', import.meta.url));

/** The message of an answer. */
interface Worth {
  readonly worth: number;
}

function addressOf({ folder }: CallJob): string {
  return `unix:${folder}/grpc.sock`;
}

/** The client of the service, loaded from its text as the documentation of gRPC for Node does it. */
function quotesClient(): ServiceClientConstructor {
  const definition = loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true });
  const { quotes } = loadPackageDefinition(definition) as unknown as {
    readonly quotes: { readonly Quotes: ServiceClientConstructor };
  };
  return quotes.Quotes;
}

/** `@grpc/grpc-js` over a Unix socket, with protobuf. */
export const grpc: CallPeer = {
  async serve(job, answer) {
    const server = new Server();
    server.addService(quotesClient().service, {
      worth: ({ request }: { readonly request: Quote }, callback: sendUnaryData<Worth>) =>
        callback(null, { worth: answer(request) }),
    });
    await promisify(server.bindAsync.bind(server))(addressOf(job), ServerCredentials.createInsecure());
    return { close: async () => server.forceShutdown() };
  },

  async connect(job) {
    const client = new (quotesClient())(addressOf(job), credentials.createInsecure()) as unknown as {
      worth(quote: Quote, callback: requestCallback<Worth>): void;
      close(): void;
    };
    return {
      call: (quote) =>
        new Promise((resolve, reject) => {
          client.worth(quote, (error, reply) => {
            if (reply === undefined) reject(error);
            else resolve(reply.worth);
          });
        }),
      close: async () => client.close(),
    };
  },
};
