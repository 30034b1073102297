// Servers that want to know who connects, over TLS and without: the command takes what its file names, the client's options do the same for
// programs, what is wrong is refused, and nothing that is told has a secret in it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { string, struct } from '@mmfbus/codec';
import { openBridge } from '@mmfbus/nats';
import { type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { run, start } from '../../command/command-support.js';
import { ownDirectory } from '../../support/own-directory.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Authority, secretOf } from '../certificates.js';
import { NatsServer } from '../nats-server.js';
import { newUser, Operator } from '../operator.js';

ownDirectory('nats-credentials');
const folder = temporaryFolder('nats-credentials');
const file = join(folder, 'bridge.json');
const routes = [{ export: 'orders', to: 'desk.orders', start: 'earliest' }] as const;

/** A way to say who one is. */
interface Way {
  readonly args: readonly string[];
  /** What stands under `connection` in the file of the command. */
  readonly connection: object;
  /** The same for a program. */
  readonly options: ConnectionOptions;
  /** What the server refuses, or the client, and how the command says so. */
  readonly wrong: readonly (readonly [what: string, connection: object, message: RegExp])[];
  /** What nothing may print. */
  readonly secrets: readonly string[];
}

const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return name;
};
const VIOLATION = /Authorization Violation/;
/** The client sees no reason, and waits for 20 seconds. */
const HANGS_UP = /the server did not answer; it may want a certificate of the client/;

function password(): Way {
  const secret = 'right-password-of-desk';
  const connection = { user: 'desk', password: write('password', `${secret}\n`) };
  return {
    args: ['--user', 'desk', '--pass', secret],
    connection,
    options: { user: 'desk', pass: secret },
    wrong: [
      ['another password', { ...connection, password: write('other', 'wrong-password') }, VIOLATION],
      ['another user', { ...connection, user: 'wrong-user' }, VIOLATION],
      ['none', {}, VIOLATION],
      ['no file', { ...connection, password: 'nowhere' }, /ENOENT.*nowhere/],
    ],
    secrets: [secret, 'wrong-password'],
  };
}

function token(): Way {
  const secret = 'right-token-of-desk';
  return {
    args: ['--auth', secret],
    connection: { token: write('token', secret) },
    options: { token: secret },
    wrong: [['another token', { token: write('other', 'wrong-token') }, VIOLATION]],
    secrets: [secret, 'wrong-token'],
  };
}

function nkey(): Way {
  const [right, wrong] = [newUser(), newUser()];
  write('server.conf', `authorization: { users: [ { nkey: ${right.publicKey} } ] }\n`);
  return {
    args: ['-c', join(folder, 'server.conf')],
    connection: { nkey: write('nkey', `${right.seed}\n`) },
    options: { authenticator: nkeyAuthenticator(new TextEncoder().encode(right.seed)) },
    wrong: [
      ['another key', { nkey: write('other', wrong.seed) }, VIOLATION],
      ['no key', { nkey: write('none', 'SUAnotakey') }, /invalid encoded key/],
    ],
    secrets: [right.seed, wrong.seed, 'SUAnotakey'],
  };
}

function credentials(): Way {
  const operator = new Operator();
  write('server.conf', operator.configuration);
  const [right, expired, foreign] = [operator.user(3600), operator.user(-3600), new Operator().user(3600)];
  return {
    args: ['-c', join(folder, 'server.conf')],
    connection: { credentials: write('right.creds', right.text) },
    options: { authenticator: credsAuthenticator(new TextEncoder().encode(right.text)) },
    wrong: [
      ['what has expired', { credentials: write('expired.creds', expired.text) }, VIOLATION],
      ['those of another operator', { credentials: write('foreign.creds', foreign.text) }, VIOLATION],
      ['no credentials', { credentials: write('none.creds', 'SUAnotakey') }, /unable to parse credentials/],
    ],
    secrets: [right, expired, foreign].flatMap(({ seed, text }) => [seed, text.split('\n')[1] as string]),
  };
}

function serverCertificate(): Way {
  const authority = new Authority(folder, 'authority');
  const other = new Authority(folder, 'other');
  const { cert, key } = authority.sign('server');
  return {
    args: ['--tls', '--tlscert', cert, '--tlskey', key],
    connection: { tls: { ca: 'authority.pem' } },
    options: { tls: { caFile: authority.ca } },
    wrong: [
      ['another authority', { tls: { ca: 'other.pem' } }, /certificate/],
      ['an authority that the machine does not know', {}, /certificate/],
      ['no file', { tls: { ca: 'nowhere.pem' } }, /nowhere\.pem/],
    ],
    secrets: [secretOf({ cert: other.ca, key: join(folder, 'other.key') }), secretOf({ cert, key })],
  };
}

function clientCertificate(): Way {
  const authority = new Authority(folder, 'authority');
  const { cert, key } = authority.sign('server');
  const [right, expired] = [authority.sign('client'), authority.sign('expired', { days: -1 })];
  const foreign = new Authority(folder, 'other').sign('client');
  const tls = (more: object = {}) => ({ tls: { ca: 'authority.pem', ...more } });
  return {
    args: ['--tlsverify', '--tlscert', cert, '--tlskey', key, '--tlscacert', authority.ca],
    connection: tls({ cert: 'authority-client.pem', key: 'authority-client.key' }),
    options: { tls: { caFile: authority.ca, certFile: right.cert, keyFile: right.key } },
    wrong: [
      ['no certificate', tls(), HANGS_UP],
      ['that of another authority', tls({ cert: foreign.cert, key: foreign.key }), HANGS_UP],
      ['one that has expired', tls({ cert: expired.cert, key: expired.key }), HANGS_UP],
      ['the key of another one', tls({ cert: right.cert, key: expired.key }), /key values mismatch/],
    ],
    secrets: [right, expired, foreign].map(secretOf),
  };
}

const ways = { password, token, nkey, credentials, serverCertificate, clientCertificate };

describe.each(Object.entries(ways))('a server that wants %s', (_name, makeWay) => {
  let way: Way;
  beforeAll(() => {
    way = makeWay();
  });

  /** None of its secrets stands in a text. */
  const expectNoSecret = (...texts: readonly string[]) => {
    for (const secret of way.secrets) expect(texts.join('\n').includes(secret)).toBe(false);
  };

  it('takes what the options of the client say', async () => {
    const server = await NatsServer.start({ args: way.args });
    const connection = await server.connect(way.options);
    const arrived = new Promise<string>((resolve) => {
      connection.subscribe('desk.>', { callback: (_error, message) => resolve(message.subject) });
    });
    await using publisher = await defineChannel({
      name: 'orders',
      schema: struct({ text: string() }),
    }).publisher();
    await using bridge = await openBridge(connection, routes);
    await publisher.publish({ text: 'x' });
    expect(await arrived).toMatch(/^desk\.orders\./);
    expect(bridge.passages()).toMatchObject([{ messages: 1 }]);
    server.kill('SIGKILL');
  });

  it('takes what the file of the command names, which tells none of it', async () => {
    const server = await NatsServer.start({ args: way.args });
    writeFileSync(file, JSON.stringify({ routes, connection: way.connection }));
    const words = ['bridge', server.url, '--config', file];
    const checked = await run(...words, '--check', '--json');
    expect(checked).toMatchObject({ status: 0, stdout: expect.stringMatching(/"event":"checked"/) });
    const program = start([...words, '--health', '0', '--json']);
    const [, health = ''] = await program.waitForLine(/"health":"([^"]+)"/);
    const healthy = await (await fetch(health)).text();
    const [top, doctor] = [await run('top', '--json'), await run('doctor', '--json')];
    expect(top.stdout).toContain(`"server":"127.0.0.1:${server.port}"`);
    server.kill('SIGKILL');
    await program.waitForLine(/"event":"disconnected"/);
    program.kill('SIGINT');
    const ended = await program.exit();
    expect(ended.status).toBe(0);
    for (const { stdout, stderr } of [checked, top, doctor, ended]) expectNoSecret(stdout, stderr, healthy);
  });

  it('refuses what is wrong: the command ends with status 1, says so, and not what it was', async () => {
    const server = await NatsServer.start({ args: way.args });
    const refusals = way.wrong.flatMap(([what, connection, message], index) => {
      const path = join(folder, `wrong-${index}.json`);
      writeFileSync(path, JSON.stringify({ routes, connection }));
      return ['--check', '--json'].map(async (word) => {
        const { status, stdout, stderr } = await run('bridge', server.url, '--config', path, word);
        expect({ status, stderr }, what).toEqual({ status: 1, stderr: expect.stringMatching(message) });
        expect(stderr, what).toMatch(/^mmfbus bridge: /);
        expectNoSecret(stdout, stderr);
      });
    });
    await Promise.all(refusals);
    server.kill('SIGKILL');
  });
});

it('the command refuses a server whose certificate is for another host', async () => {
  const authority = new Authority(folder, 'authority');
  const { cert, key } = authority.sign('elsewhere', { host: 'elsewhere.example' });
  const server = await NatsServer.start({ args: ['--tls', '--tlscert', cert, '--tlskey', key] });
  writeFileSync(file, JSON.stringify({ routes, connection: { tls: { ca: 'authority.pem' } } }));
  const { status, stderr } = await run('bridge', server.url, '--config', file, '--check');
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/altnames/) });
  server.kill('SIGKILL');
});

it('the command ends with status 1 when the server refuses after a while what it took before', async () => {
  const startWith = (secret: string, port?: number) =>
    NatsServer.start({ args: ['--auth', secret], ...(port === undefined ? {} : { port }) });
  const server = await startWith('right-token');
  writeFileSync(file, JSON.stringify({ routes, connection: { token: write('token', 'right-token') } }));
  const program = start(['bridge', server.url, '--config', file, '--json']);
  await program.waitForLine(/"event":"open"/);
  server.kill('SIGKILL');
  await program.waitForLine(/"event":"disconnected"/);
  await startWith('other-token', server.port);
  await program.waitForLine(/"event":"close","reason":"connection".*Authorization Violation/);
  const { status, stdout, stderr } = await program.exit();
  expect(status).toBe(1);
  expect(stdout + stderr).not.toContain('-token');
});

it('the command takes no secret in the name of a server, and does not say it again', async () => {
  writeFileSync(file, JSON.stringify({ routes }));
  const server = 'nats://desk:right-password@127.0.0.1:4222';
  const { status, stdout, stderr } = await run('bridge', server, '--config', file, '--check');
  expect(status).toBe(2);
  expect(stderr).toMatch(/a server is named without user, password and token/);
  expect(stdout + stderr).not.toContain('right-password');
});
