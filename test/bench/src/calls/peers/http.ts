import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { Quote } from '../../messages/quote.js';
import { addressOf } from '../../peers/frames.js';
import type { CallPeer } from '../call-peer.js';

function textOf(message: IncomingMessage, onText: (text: string) => void): void {
  let text = '';
  message.setEncoding('utf8');
  message.on('data', (chunk: string) => {
    text += chunk;
  });
  message.on('end', () => onText(text));
}

function headersFor(body: string): Record<string, string | number> {
  return { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
}

/** node:http over a Unix socket, with JSON; connections are kept. */
export const http: CallPeer = {
  async serve(job, answer) {
    const server = createServer((message, response) => {
      textOf(message, (text) => {
        const body = JSON.stringify(answer(JSON.parse(text) as Quote));
        response.writeHead(200, headersFor(body));
        response.end(body);
      });
    });
    server.listen(addressOf(job));
    await once(server, 'listening');
    return {
      close: async () => {
        server.close();
        server.closeAllConnections();
      },
    };
  },

  async connect(job) {
    const agent = new Agent({ keepAlive: true });
    const common = { socketPath: addressOf(job), path: '/worth', method: 'POST', agent };
    return {
      call: (quote) =>
        new Promise((resolve, reject) => {
          const body = JSON.stringify(quote);
          request({ ...common, headers: headersFor(body) }, (response) => {
            textOf(response, (text) => resolve(JSON.parse(text) as number));
          })
            .on('error', reject)
            .end(body);
        }),
      close: async () => agent.destroy(),
    };
  },
};
