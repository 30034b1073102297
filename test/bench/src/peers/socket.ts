import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Job } from '../job.js';
import { encodingOf } from './encoding.js';
import { addressOf, ChunkWriter, type FrameWriter, readFrames, SingleWriter } from './frames.js';
import type { Consumer, Peer, Producer } from './peer.js';

function socketPeer(Writer: new (socket: Socket) => FrameWriter): Peer {
  async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
    const { encode, decode } = encodingOf(job);
    const writers: FrameWriter[] = [];
    const sockets: Socket[] = [];
    const server: Server = createServer((socket) => {
      sockets.push(socket);
      writers.push(new Writer(socket));
      readFrames(socket, (payload) => onReply(decode(payload)));
      socket.on('error', () => {});
    });
    server.listen(addressOf(job));
    await once(server, 'listening');
    return {
      send: (message) => {
        const payload = encode(message);
        let ready = true;
        for (const writer of writers) {
          if (!writer.write(payload)) ready = false;
          if (job.pattern === 'echo') writer.flush();
        }
        return ready;
      },
      drained: async () => {
        for (const writer of writers) await writer.drained();
      },
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  async function consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
    const { encode, decode } = encodingOf(job);
    const socket = connect(addressOf(job));
    await once(socket, 'connect');
    const writer = new Writer(socket);
    readFrames(socket, (payload) => onMessage(decode(payload)));
    return {
      reply: (message) => {
        writer.write(encode(message));
        // One at a time: nothing would follow that it could be written with.
        if (job.pattern === 'echo') writer.flush();
      },
      close: async () => {
        socket.end();
      },
    };
  }

  return { produce, consume };
}

/** As most use it. */
export const socket: Peer = socketPeer(SingleWriter);
/** As those use it who want its throughput. */
export const socketGathered: Peer = socketPeer(ChunkWriter);
