import type { ChannelOptions, SchemaChannelOptions } from '@mmfbus/channel';
import {
  anyBoolean,
  type ChannelDefinition,
  type Check,
  checkDefinition,
  MAX_SERVICE_NAME_LENGTH as MAX_SERVICE_NAME,
  oneOf,
  shown,
} from '@mmfbus/channel/internal';
import type { StandardSchema } from '@mmfbus/codec';
import { BridgeError } from './foundation/errors.js';
import { nameProblem } from './wire/names.js';

/** From channels of this machine to NATS. */
export interface ExportRoute {
  /** Name of the channel; with `*` at its end, all channels whose names begin so. */
  readonly export: string;
  /**
   * Subject under which its messages are published, followed by `.` and the channel's incarnation. For many channels it ends in `>`,
   * which stands for what `*` stands for.
   */
  readonly to: string;
  /** The JetStream stream that stores the subject. It must exist. Without, messages go to core NATS, which keeps nothing. */
  readonly stream?: string | undefined;
  /**
   * What happens when the server does not take messages as fast as they are published: publishers `wait`, as they do for a reliable
   * subscriber; or the ring goes round, and what was overwritten is a `gap`. Defaults to `gap`.
   */
  readonly whenBehind?: 'gap' | 'wait' | undefined;
  /**
   * What happens to a message that is larger than the server takes: it is refused, and a gap elsewhere; or it is split, and put together by the
   * bridge that imports it. Defaults to `refuse`.
   */
  readonly whenTooLarge?: 'refuse' | 'split' | undefined;
  /**
   * Without a stream: which messages of a channel that is there when the bridge opens are exported, those that are still in the ring too, or
   * only those that come. With one it is always those of the ring that the stream does not have. Defaults to `latest`.
   */
  readonly start?: 'earliest' | 'latest' | undefined;
  /**
   * What messages are published as: `encoded`, as they stand in the ring; or `json`, as `toJsonSchema` describes the channel's schema. Defaults to
   * `encoded`.
   */
  readonly payload?: 'encoded' | 'json' | undefined;
  /** Whether messages that came from other machines are exported too. Defaults to false. */
  readonly forward?: boolean | undefined;
  /** Whether the names are those of services: see {@link ServiceExportRoute}. Defaults to false. */
  readonly service?: false | undefined;
}

/** How a channel is created that messages are imported to: what `defineChannel` takes, but for name and scope. */
export type ImportedChannelOptions =
  | Omit<SchemaChannelOptions<StandardSchema>, 'name' | 'scope'>
  | Omit<ChannelOptions<unknown>, 'name' | 'scope'>;

/** From NATS to channels of this machine. */
export interface ImportRoute {
  /** Subject, as `to` of the route that exports. */
  readonly import: string;
  /** Name of the channel; with `*` at its end for a subject that ends in `>`. */
  readonly into: string;
  /** The JetStream stream that stores the subject. It must exist. */
  readonly stream?: string | undefined;
  /** How the channel is created where it does not exist. Without, its messages are dropped then, and counted. */
  readonly create?: ImportedChannelOptions | undefined;
  /**
   * What is compared: `schema` takes messages of channels that have the codec and the schema of the channel here. `messages` decodes
   * those of others, and takes what the channel here can hold; so it is always with JSON. Defaults to `schema`.
   */
  readonly check?: 'schema' | 'messages' | undefined;
  /** Whether the names are those of services: see {@link ServiceImportRoute}. Defaults to false. */
  readonly service?: false | undefined;
}

/** From a service of this machine to a service of NATS, which bridges elsewhere import. */
export interface ServiceExportRoute {
  /** Name of the service; with `*` at its end, all services whose names begin so. */
  readonly export: string;
  /**
   * Subject of its methods, each of which is called under this, `.` and its name. For many services it ends in `>`, which stands for what `*`
   * stands for.
   */
  readonly to: string;
  readonly service: true;
}

/** From services that bridges elsewhere export to this machine, where a server stands for them. */
export interface ServiceImportRoute {
  /** Subject, as `to` of the route that exports. */
  readonly import: string;
  /** Name of the service here; with `*` at its end for a subject that ends in `>`. */
  readonly into: string;
  readonly service: true;
}

/** One direction of a bridge. */
export type Route = ExportRoute | ImportRoute | ServiceExportRoute | ServiceImportRoute;

const anyText: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a string');
const anyStream: Check = (value) =>
  typeof value === 'string' && /^[^\s.*>/\\]+$/.test(value)
    ? undefined
    : 'the name of a stream, without spaces and . * > / \\';
const anyCreate: Check = (value) =>
  typeof value === 'object' && value !== null && !('name' in value) && !('scope' in value)
    ? undefined
    : 'options of a channel but for name and scope, such as { schema }';

const exportRules: Readonly<Record<keyof ExportRoute, Check>> = {
  export: anyText,
  to: anyText,
  stream: anyStream,
  whenBehind: oneOf('gap', 'wait'),
  whenTooLarge: oneOf('refuse', 'split'),
  start: oneOf('earliest', 'latest'),
  payload: oneOf('encoded', 'json'),
  forward: anyBoolean,
  service: anyBoolean,
};

const importRules: Readonly<Record<keyof ImportRoute, Check>> = {
  import: anyText,
  into: anyText,
  stream: anyStream,
  create: anyCreate,
  check: oneOf('schema', 'messages'),
  service: anyBoolean,
};

const serviceExportRules: Readonly<Record<keyof ServiceExportRoute, Check>> = {
  export: anyText,
  to: anyText,
  service: anyBoolean,
};

const serviceImportRules: Readonly<Record<keyof ServiceImportRoute, Check>> = {
  import: anyText,
  into: anyText,
  service: anyBoolean,
};

export function isExport(route: Route): route is ExportRoute | ServiceExportRoute {
  return 'export' in route;
}

/** Whether it is of services, and not of channels. */
export function isOfServices(route: Route): route is ServiceExportRoute | ServiceImportRoute {
  return route.service === true;
}

/** The stream that a route names, if it does. */
export function streamOf(route: Route): string | undefined {
  return isOfServices(route) ? undefined : route.stream;
}

/** How a route is called in errors. */
export function describeRoute(route: Route): string {
  return isExport(route) ? `${route.export} to ${route.to}` : `${route.import} into ${route.into}`;
}

/**
 * Refuses what is no route.
 *
 * @throws {@link BridgeError} `INVALID_ARGUMENT`; `ChannelError` `INVALID_ARGUMENT` for what a channel cannot be created by.
 */
export function checkRoute(route: Route, index: number, scope: 'user' | 'machine'): void {
  const place = `route ${index + 1}`;
  const isObject = typeof route === 'object' && route !== null;
  if (!isObject || 'export' in route === 'import' in route) {
    throw new BridgeError(
      'INVALID_ARGUMENT',
      place,
      `it must have either export and to, or import and into, unlike ${shown(route)}`,
    );
  }
  checkValues(place, route, rulesOf(route), isExport(route) ? ['export', 'to'] : ['import', 'into']);
  const [channel, subject] = isExport(route) ? [route.export, route.to] : [route.into, route.import];
  const problem = nameProblem(channel, subject);
  if (problem !== undefined) throw new BridgeError('INVALID_ARGUMENT', describeRoute(route), problem);
  if (isOfServices(route)) {
    const wrong = serviceProblem(channel, scope);
    if (wrong !== undefined) throw new BridgeError('INVALID_ARGUMENT', describeRoute(route), wrong);
    return;
  }
  if (isExport(route) && route.stream !== undefined && route.start !== undefined) {
    const text = 'start is for routes without a stream: a stream gets what it does not have';
    throw new BridgeError('INVALID_ARGUMENT', describeRoute(route), text);
  }
  if (!isExport(route)) definitionOf(route, scope)?.(channel.replace('*', '') || 'any');
}

function rulesOf(route: Route): Readonly<Record<string, Check>> {
  if (isOfServices(route)) return isExport(route) ? serviceExportRules : serviceImportRules;
  return isExport(route) ? exportRules : importRules;
}

function serviceProblem(name: string, scope: 'user' | 'machine'): string | undefined {
  if (scope === 'machine') return 'services belong to one user: the scope cannot be machine';
  if (name.length <= MAX_SERVICE_NAME) return undefined;
  return `the name of a service has at most ${MAX_SERVICE_NAME} characters, not ${name.length}`;
}

/** Makes the definitions of the channels that a route may create; undefined where it creates none. */
export function definitionOf(
  { create }: ImportRoute,
  scope: 'user' | 'machine',
): ((channel: string) => ChannelDefinition<unknown>) | undefined {
  if (create === undefined) return undefined;
  return (name) => checkDefinition({ ...(create as ChannelOptions<unknown>), name, scope });
}

/**
 * Refuses values that are missing, that there are not, or that do not pass their checks.
 *
 * @throws {@link BridgeError} `INVALID_ARGUMENT`.
 */
export function checkValues(
  what: string,
  values: object,
  rules: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
): void {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const check = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (check === undefined) {
      const allowed = Object.keys(rules).join(', ');
      throw new BridgeError(
        'INVALID_ARGUMENT',
        what,
        `there is no ${JSON.stringify(name)}; there are ${allowed}`,
      );
    }
    const due = check(value);
    if (due !== undefined)
      throw new BridgeError('INVALID_ARGUMENT', what, `${name} must be ${due}, not ${shown(value)}`);
  }
  const missing = required.find((name) => !given.some(([one]) => one === name));
  if (missing !== undefined) throw new BridgeError('INVALID_ARGUMENT', what, `${missing} is missing`);
}
