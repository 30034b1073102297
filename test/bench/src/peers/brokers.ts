import { type Broker, startBroker } from './broker.js';

function natsArguments(port: number): string[] {
  return ['-a', '127.0.0.1', '-p', String(port)];
}

/** How the servers are started that some peers need, for messages and for calls: without their clients, which take their time. */
const brokers: Readonly<Record<string, (folder: string) => Promise<Broker>>> = {
  NATS: () => startBroker('nats-server', natsArguments),
  JetStream: (folder) => startBroker('nats-server', (port) => [...natsArguments(port), '-js', '-sd', folder]),
  Redis: () =>
    startBroker('redis-server', (port) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      // It would drop a subscriber that is too far behind.
      ...['--client-output-buffer-limit', 'pubsub', '0', '0', '0'],
    ]),
};

/**
 * Starts the server that the peer of that name needs; undefined where it needs none.
 *
 * @param folder where it may keep what it stores.
 */
export async function startBrokerOf(peer: string, folder: string): Promise<Broker | undefined> {
  return brokers[peer]?.(folder);
}
