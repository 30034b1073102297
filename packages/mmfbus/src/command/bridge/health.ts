import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is told of a bridge. */
export interface Health {
  readonly connected: boolean;
  readonly passages: readonly unknown[];
}

/** Answers `GET /health` on 127.0.0.1: 200 while there is a connection, 503 otherwise, and what the bridge did. */
export class HealthServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(port: number, health: () => Health): Promise<HealthServer> {
    const server = createServer((request, response) => {
      const isHealth = request.method === 'GET' && request.url === '/health';
      if (!isHealth) {
        response.writeHead(404).end();
        return;
      }
      const found = health();
      response.writeHead(found.connected ? 200 : 503, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(found)}\n`);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new HealthServer(server);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
