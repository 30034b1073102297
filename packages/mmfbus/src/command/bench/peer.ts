// The second process of `mmfbus bench`: takes messages, and sends those back that ask for it.
import { connect } from 'node:net';
import { channelLink, type Link, socketLink } from './link.js';
import { isSocket, type Way } from './message.js';

async function open(way: Way, there: string, back: string): Promise<Link> {
  if (!isSocket(way)) return channelLink(way, back, there);
  const socket = connect(there);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  // Its other end has been closed.
  socket.on('error', () => {});
  return socketLink(socket, way === 'socket-batches');
}

const [way = 'typed', there = '', back = ''] = process.argv.slice(2);
const link = await open(way as Way, there, back);
link.listen((message) => {
  if (message.reply) void link.send(message);
});
// Also where the other process has died.
process.on('disconnect', () => void link.close());
process.send?.('ready');
