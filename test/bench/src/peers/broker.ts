import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 10_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** A server program on a port of the loopback. */
export interface Broker {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a server program; `arguments` says how it is told its port. */
export async function startBroker(program: string, args: (port: number) => string[]): Promise<Broker> {
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: 'ignore' });
  const ended = once(child, 'exit').catch(() => []);
  const failed = once(child, 'error').then(([error]) => error as Error);
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await canConnect(port))) {
    const error = await Promise.race([failed, delay(20, undefined)]);
    if (error !== undefined) throw new Error(`${program} does not start: ${error.message}`, { cause: error });
    if (Date.now() > deadline) throw new Error(`${program} does not listen on port ${port}`);
  }
  return {
    port,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}
