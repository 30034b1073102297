import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from '../support/tools.js';

/** A certificate and its key, as files in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority for certificates, made anew by each test: nothing that was committed can expire. */
export class Authority {
  readonly ca: string;
  readonly #key: string;
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.ca = join(folder, `${name}.pem`);
    this.#key = join(folder, `${name}.key`);
    openssl('req', '-x509', ...NEW_KEY, this.#key, '-out', this.ca, '-days', '2', '-subj', `/CN=${name}`);
  }

  /**
   * Makes a certificate.
   *
   * @param host for which it is. The client checks `localhost` where the server is named by an address instead of a name.
   * @param days for which it holds; -1 for one that has expired.
   */
  sign(name: string, { host = 'localhost', days = 1 } = {}): Certificate {
    const file = (ending: string) => join(this.#folder, `${this.#name}-${name}.${ending}`);
    const [cert, key, request] = [file('pem'), file('key'), file('csr')];
    const extension = ['-addext', `subjectAltName=DNS:${host}`];
    openssl('req', ...NEW_KEY, key, '-out', request, '-subj', `/CN=${name}`, ...extension);
    const issuer = ['-CA', this.ca, '-CAkey', this.#key, '-CAcreateserial', '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', request, ...issuer, '-days', `${days}`, '-out', cert);
    return { cert, key };
  }
}

/** A line out of the middle of a key, which nothing may print. */
export function secretOf({ key }: Certificate): string {
  return readFileSync(key, 'utf8').split('\n')[1] as string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'];

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(commandOf('OpenSSL'), args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
