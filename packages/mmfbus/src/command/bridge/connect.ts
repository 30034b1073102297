import { readFileSync } from 'node:fs';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
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
 * @throws {Failure} that says what the client says, and what reading the files of the credentials throws.
 */
export async function connectTo(
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
  const options: NodeConnectionOptions = {
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
  };
  try {
    return await transport.connect(options);
  } catch (error) {
    throw new Failure(`${servers.join(', ')}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  // The client does not see why a server hangs up at the end of a TLS handshake.
  if (error instanceof Error && error.name === 'TimeoutError')
    return 'the server did not answer; it may want a certificate of the client, or refuse the one that it got';
  return error instanceof Error ? error.message : String(error);
}
