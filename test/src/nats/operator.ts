import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** No limits, as an operator grants an account. */
const UNLIMITED = {
  subs: -1,
  conn: -1,
  leaf: -1,
  imports: -1,
  exports: -1,
  data: -1,
  payload: -1,
  wildcards: true,
  mem_storage: -1,
  disk_storage: -1,
  streams: -1,
  consumer: -1,
};

/** An operator with one account, for servers whose users prove who they are by tokens (JWT) that the account has signed. */
export class Operator {
  readonly #operator: KeyPair = nkeys.createOperator();
  readonly #account: KeyPair = nkeys.createAccount();

  /** What the file of a server says. */
  get configuration(): string {
    const { publicKey: account } = namesOf(this.#account);
    const operator = token(this.#operator, this.#operator, 'desk', { type: 'operator' });
    const granted = { type: 'account', limits: UNLIMITED, default_permissions: { pub: {}, sub: {} } };
    const resolver = `resolver_preload: { ${account}: ${token(this.#operator, this.#account, 'desk', granted)} }`;
    return [`operator: ${operator}`, 'resolver: MEMORY', resolver, ''].join('\n');
  }

  /**
   * Makes what stands in the file `.creds` of a user.
   *
   * @param seconds until it expires; below 0, it has.
   */
  user(seconds: number): { readonly text: string; readonly seed: string } {
    const user = nkeys.createUser();
    const { seed } = namesOf(user);
    const granted = { type: 'user', pub: {}, sub: {}, subs: -1, data: -1, payload: -1 };
    const jwt = token(this.#account, user, 'bridge', granted, now() + seconds);
    const block = (what: string, text: string) =>
      `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
    return { text: `${block('NATS USER JWT', jwt)}\n${block('USER NKEY SEED', seed)}`, seed };
  }
}

/** An nkey of a user, as text. */
export function newUser(): { readonly publicKey: string; readonly seed: string } {
  return namesOf(nkeys.createUser());
}

function namesOf(pair: KeyPair) {
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

const now = () => Math.floor(Date.now() / 1000);

/** What one says of another, signed. */
function token(issuer: KeyPair, subject: KeyPair, name: string, nats: object, exp?: number): string {
  const part = (value: object | Uint8Array) =>
    Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: randomUUID(),
    iat: now(),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    exp,
    nats: { ...nats, version: 2 },
  };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${part(issuer.sign(new TextEncoder().encode(signed)))}`;
}
