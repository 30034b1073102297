import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { type ChannelOptions, createBirpc } from 'birpc';
import { pack, unpack } from 'msgpackr';
import { addressOf, ChunkWriter, type FrameWriter, readFrames, SingleWriter } from '../../peers/frames.js';
import type { Answer, CallPeer } from '../call-peer.js';

/** What one side gives to the other. */
interface Functions {
  worth: Answer;
}

function channelOver(socket: Socket, writer: FrameWriter): ChannelOptions {
  return {
    post: (payload: Buffer) => writer.write(payload),
    on: (onPayload) => readFrames(socket, onPayload),
    serialize: pack,
    deserialize: unpack,
  };
}

function birpcPeer(Writer: new (socket: Socket) => FrameWriter): CallPeer {
  return {
    async serve(job, answer) {
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket);
        createBirpc<object, Functions>({ worth: answer }, channelOver(socket, new Writer(socket)));
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
      const remote = createBirpc<Functions, object>({}, channelOver(socket, new Writer(socket)));
      return {
        call: (quote) => remote.worth(quote),
        close: async () => {
          remote.$close();
          socket.destroy();
        },
      };
    },
  };
}

/** birpc over a Unix socket with msgpackr, each message with a write of its own. */
export const birpc: CallPeer = birpcPeer(SingleWriter);
/** The same, with the messages of a turn of the event loop in one write. */
export const birpcGathered: CallPeer = birpcPeer(ChunkWriter);
