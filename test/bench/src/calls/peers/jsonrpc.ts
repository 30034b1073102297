import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import {
  createMessageConnection,
  type MessageConnection,
  RequestType,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { Quote } from '../../messages/quote.js';
import { addressOf } from '../../peers/frames.js';
import type { CallPeer } from '../call-peer.js';

const worth = new RequestType<Quote, number, undefined>('worth');

function connectionOver(socket: Socket): MessageConnection {
  return createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
}

/** vscode-jsonrpc over a Unix socket. */
export const jsonRpc: CallPeer = {
  async serve(job, answer) {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      const connection = connectionOver(socket);
      connection.onRequest(worth, (quote) => answer(quote));
      connection.listen();
    });
    server.listen(addressOf(job));
    await once(server, 'listening');
    return {
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  },

  async connect(job) {
    const socket = connectSocket(addressOf(job));
    await once(socket, 'connect');
    const connection = connectionOver(socket);
    connection.listen();
    return {
      call: (quote) => connection.sendRequest(worth, quote),
      close: async () => {
        connection.dispose();
        socket.destroy();
      },
    };
  },
};
