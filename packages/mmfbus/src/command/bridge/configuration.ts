import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fromJsonSchema, shapeFromText } from '@mmfbus/codec';
import type { BridgeOptions, Route } from '@mmfbus/nats';
import { Failure } from '../failure.js';

/** How the server is connected to: what is secret stands in files, which are read when the bridge starts. */
export interface Credentials {
  /** A `.creds` file of the operator. */
  readonly credentials?: string;
  /** A file with an nkey's seed. */
  readonly nkey?: string;
  /** A file with a token. */
  readonly token?: string;
  readonly user?: string;
  /** A file with the user's password. */
  readonly password?: string;
  /** Files in PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** What the file of a bridge says. */
export interface Configuration {
  readonly routes: readonly Route[];
  readonly options: Pick<BridgeOptions, 'host' | 'name' | 'folder' | 'maxWaiting'>;
  readonly connection: Credentials;
}

const OPTION_NAMES = ['host', 'name', 'folder', 'maxWaiting'];
const FILE_NAMES = ['credentials', 'nkey', 'token', 'password'];
const CONNECTION_NAMES = [...FILE_NAMES, 'user', 'tls'];
const TLS_NAMES = ['ca', 'cert', 'key'];

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the file of a bridge. Paths in it are relative to its folder.
 *
 * @throws {Failure} that names the file and the place.
 */
export function readConfiguration(path: string): Configuration {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Failure(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const fail = (what: string): never => {
    throw new Failure(`${path}: ${what}`);
  };
  if (!isObject(content)) return fail('it must be an object with routes');
  const { $schema: _, routes, connection = {}, ...options } = content;
  if (!Array.isArray(routes)) return fail('routes must be an array');
  if (!isObject(connection)) return fail('connection must be an object');
  refuseUnknown(options, OPTION_NAMES, '', fail);
  refuseUnknown(connection, CONNECTION_NAMES, 'connection.', fail);
  const within = (file: unknown) => resolve(dirname(path), String(file));
  if (options['folder'] !== undefined) options['folder'] = within(options['folder']);
  return {
    routes: routes.map((route, index) => routeOf(route, `route ${index + 1}`, fail)),
    options: options as Configuration['options'],
    connection: credentialsOf(connection, within, fail),
  };
}

type Fail = (what: string) => never;

function routeOf(route: unknown, place: string, fail: Fail): Route {
  if (!isObject(route)) return fail(`${place} must be an object`);
  const { create } = route;
  if (!isObject(create) || create['schema'] === undefined) return route as unknown as Route;
  try {
    return { ...route, create: { ...create, schema: shapeOf(create['schema']) } } as unknown as Route;
  } catch (error) {
    return fail(`${place}: create.schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The text of a schema as `mmfbus schema` prints it, as an object, or a JSON Schema. */
function shapeOf(schema: unknown) {
  const isText = isObject(schema) && 'version' in schema && 'shape' in schema;
  return isText ? shapeFromText(JSON.stringify(schema)) : fromJsonSchema(schema as never);
}

function credentialsOf(connection: Json, within: (file: unknown) => string, fail: Fail): Credentials {
  const { tls, ...rest } = connection;
  const wrong = Object.entries(rest).find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) return fail(`connection.${wrong[0]} must be a text`);
  const files = Object.entries(rest).map(([name, value]) => [name, name === 'user' ? value : within(value)]);
  const named = Object.fromEntries(files) as Credentials;
  if (tls === undefined) return named;
  if (!isObject(tls)) return fail('connection.tls must be an object');
  refuseUnknown(tls, TLS_NAMES, 'connection.tls.', fail);
  const wrongFile = Object.entries(tls).find(([, value]) => typeof value !== 'string');
  if (wrongFile !== undefined) return fail(`connection.tls.${wrongFile[0]} must be a text`);
  return {
    ...named,
    tls: Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, within(file)])),
  };
}

function refuseUnknown(values: Json, known: readonly string[], place: string, fail: Fail): void {
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`there is no ${place}${unknown}; there are ${known.join(', ')}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
