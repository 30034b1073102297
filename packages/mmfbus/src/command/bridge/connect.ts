import { readFileSync } from 'node:fs';
import type { NatsConnection } from '@nats-io/transport-node';
import { Failure } from '../failure.js';
import type { Credentials } from './configuration.js';

/** What the command needs that is not installed with it. */
export interface BridgePackages {
  readonly nats: typeof import('@mmfbus/nats');
  readonly transport: typeof import('@nats-io/transport-node');
}

/** @throws {Failure} where they are not installed. */
export async function loadPackages(): Promise<BridgePackages> {
  try {
    return { nats: await import('@mmfbus/nats'), transport: await import('@nats-io/transport-node') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const packages = '@mmfbus/nats @nats-io/transport-node @nats-io/jetstream @nats-io/services';
    throw new Failure(`a bridge needs further packages, beside mmfbus: npm install ${packages}`);
  }
}

/**
 * Connects to a server, and again whenever the connection is lost.
 *
 * @throws what the client throws, and what reading the files of the credentials does.
 */
export function connectTo(
  { transport }: BridgePackages,
  servers: readonly string[],
  name: string,
  { credentials, nkey, token, user, password, tls }: Credentials,
): Promise<NatsConnection> {
  const bytes = (file: string) => new Uint8Array(readFileSync(file));
  const text = (file: string) => readFileSync(file, 'utf8').trim();
  const authenticator = [
    ...(credentials === undefined ? [] : [transport.credsAuthenticator(bytes(credentials))]),
    ...(nkey === undefined ? [] : [transport.nkeyAuthenticator(new TextEncoder().encode(text(nkey)))]),
  ];
  return transport.connect({
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    ...(authenticator.length === 0 ? {} : { authenticator }),
    ...(token === undefined ? {} : { token: text(token) }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: text(password) }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls.key === undefined ? {} : { keyFile: tls.key }),
          },
        }),
  });
}
