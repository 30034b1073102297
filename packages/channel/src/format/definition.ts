import { type Codec, codecOf, msgpack, type Shape, type StandardSchema, validated } from '@mmfbus/codec';
import { ChannelError } from '../foundation/errors.js';
import {
  anyBoolean,
  anyGroup,
  type Check,
  checkOptions,
  checkValue,
  oneOf,
  permissionBits,
  wholeNumber,
} from '../foundation/options.js';
import { planGeometry } from './geometry.js';
import { CODEC_LENGTH, SCHEMA_HASH_LENGTH } from './header-layout.js';
import {
  DEFAULT_CAPACITY,
  DEFAULT_PARTICIPANTS,
  LARGEST_MESSAGE,
  MAX_CAPACITY,
  MAX_NAME_LENGTH,
  MAX_SCHEMA_LENGTH,
  MAX_SERVICE_NAME_LENGTH,
  MIN_CAPACITY,
} from './limits.js';
import { MAX_PARTICIPANTS } from './participant-layout.js';
import { PATTERN_CHANNEL } from './patterns.js';
import { SCOPES, type Scope } from './scope.js';

/** What {@link defineChannel} takes in any case. */
export interface CommonChannelOptions {
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ -`. */
  readonly name: string;
  /**
   * Bytes of the ring: a power of two from 4 KiB to 1 GiB. One frame takes at most a quarter of it. Defaults to 8 MiB
   * when this call creates the channel, and to whatever it has when it exists.
   */
  readonly capacity?: number | undefined;
  /**
   * Bytes of the largest message, 1 to 1 GiB. What does not fit into one frame is split, and may be larger than the ring.
   * Defaults to 64 MiB, with a `history` to what lets it fit, and to whatever the channel has when it exists.
   */
  readonly maxMessage?: number | undefined;
  /**
   * How many of the last messages late joiners find in the ring for certain, and get unless they say otherwise. That many
   * messages of `maxMessage` bytes must fit into half of the ring, each in one frame. Defaults to 0, and to whatever the
   * channel has when it exists.
   */
  readonly history?: number | undefined;
  /** Who finds the channel. Defaults to `user`. */
  readonly scope?: Scope | undefined;
  /** Publishers and subscribers that the channel has room for when this call creates it, 2 to 1024. Defaults to 64. */
  readonly maxParticipants?: number | undefined;
  /** Whether joining registers the channel, so that `bus.list()` and `bus.watch()` show it. Defaults to true. */
  readonly discoverable?: boolean | undefined;
  /**
   * POSIX permission bits when this call creates it: users that they let read and write may join. Defaults to 0o600, this user
   * alone. In the scope `machine` it is also the most that a channel which exists may allow; defaults to whatever it does.
   */
  readonly mode?: number | undefined;
  /**
   * POSIX group when this call creates it, by its id or its name. This user must be a member. Defaults to the one that the
   * operating system gives new files. In the scope `machine` it is also the group that a channel which exists must have;
   * defaults to whichever it has.
   */
  readonly group?: number | string | undefined;
}

/** What {@link defineChannel} takes for values without a schema, in msgpack or by a codec of your own. */
export interface ChannelOptions<T> extends CommonChannelOptions {
  /** Turns values into bytes and back; the same on all sides. Defaults to `msgpack()`, which takes anything. */
  readonly codec?: Codec<T> | undefined;
  readonly schema?: undefined;
}

/** What {@link defineChannel} takes where the values have a schema. */
export interface SchemaChannelOptions<S extends StandardSchema> extends CommonChannelOptions {
  /**
   * What the values look like: a shape of `@mmfbus/codec`, which is fastest and is compared with that of the channel when
   * joining, or any validator that is a Standard Schema, such as those of zod, valibot and arktype.
   */
  readonly schema: S;
  readonly codec?: undefined;
}

/** What {@link defineChannel} takes for a channel whose schema this program does not know. */
export interface AnySchemaChannelOptions extends CommonChannelOptions {
  /** Subscribers only, of a channel that exists: they decode by the schema that the channel has, whichever that is. */
  readonly schema: 'any';
  readonly codec?: undefined;
}

/** Any of them. */
export type AnyChannelOptions<T> =
  | ChannelOptions<T>
  | SchemaChannelOptions<StandardSchema>
  | AnySchemaChannelOptions;

/** {@link ChannelOptions}, checked and complete. */
export interface ChannelDefinition<T> {
  readonly name: string;
  /** What its segment is for. */
  readonly pattern: number;
  readonly capacity: number;
  /** Whether `capacity` was asked for, and so must match. */
  readonly capacityGiven: boolean;
  /** Undefined where whatever the channel has will do. */
  readonly maxMessage: number | undefined;
  readonly history: number | undefined;
  /** Where {@link ChannelDefinition.takesAny} says so, one that stands for that of the channel. */
  readonly codec: Codec<T>;
  /** Whether the codec is that of the channel, whichever it has. */
  readonly takesAny: boolean;
  /** The codec's schema in UTF-8, and its SHA-256; empty and zero for none. */
  readonly schemaBytes: Uint8Array;
  readonly schemaHash: Uint8Array;
  readonly scope: Scope;
  readonly maxParticipants: number;
  readonly discoverable: boolean;
  readonly mode: number | undefined;
  readonly group: number | string | undefined;
}

/** What a bus lends the channels that it defines. */
export type BusDefaults = Pick<CommonChannelOptions, 'scope' | 'mode' | 'group'>;

const wholeCapacity: Check = wholeNumber(MIN_CAPACITY, MAX_CAPACITY);

/** A codec, as far as can be seen without using it. */
export const anyCodec: Check = (value) => {
  const { id, encode, decode } = (value ?? {}) as Partial<Codec<unknown>>;
  return typeof id === 'string' && typeof encode === 'function' && typeof decode === 'function'
    ? undefined
    : 'a codec, such as msgpack(), with an id, encode and decode';
};

/** A shape of ours, a Standard Schema, or 'any'. */
const anySchema: Check = (value) => {
  if (value === 'any') return undefined;
  const standard = (value as Partial<StandardSchema> | null | undefined)?.['~standard'];
  if (typeof standard?.validate === 'function') return undefined;
  if (typeof value === 'function') return `the shape that it makes: ${value.name}(…)`;
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isPlain
    ? 'a shape: write struct({ … }) around it'
    : "a shape, such as struct({ price: f64() }), or 'any'";
};

const rules: Readonly<Record<keyof AnyChannelOptions<unknown>, Check>> = {
  // Checked before, with a code of its own.
  name: () => undefined,
  schema: anySchema,
  codec: anyCodec,
  capacity: (value) =>
    wholeCapacity(value) ??
    (Number.isInteger(Math.log2(value as number))
      ? undefined
      : `a power of two from ${MIN_CAPACITY} to ${MAX_CAPACITY}`),
  maxMessage: wholeNumber(1, LARGEST_MESSAGE),
  history: wholeNumber(0, MAX_CAPACITY),
  scope: oneOf(...SCOPES),
  maxParticipants: wholeNumber(2, MAX_PARTICIPANTS),
  discoverable: anyBoolean,
  mode: permissionBits,
  group: anyGroup,
};

const { scope: _, ...rulesOfBus } = rules;

function chooseCodec<T>({ name, codec, schema }: AnyChannelOptions<T>): Codec<T> {
  if (schema === undefined) return codec ?? msgpack<T>();
  if (codec !== undefined) {
    throw new ChannelError('INVALID_ARGUMENT', name, 'a channel has a schema or a codec, not both');
  }
  if (schema === 'any') return msgpack<T>();
  const isOurs = schema['~standard'].vendor === 'mmfbus';
  return (isOurs ? codecOf(schema as Shape) : validated(schema)) as Codec<T>;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param ofBus of the bus that defines the channel, where one does.
 */
export function checkDefinition<T>(
  options: AnyChannelOptions<T>,
  ofBus?: BusDefaults | undefined,
): ChannelDefinition<T> {
  if (Object(options) === options) checkName(options.name);
  const [call, taken] = ofBus === undefined ? ['defineChannel()', rules] : ['define() of a bus', rulesOfBus];
  checkOptions(options?.name ?? 'a channel', call, options, taken);
  const { name, capacity, maxMessage, history } = options;
  const codec = chooseCodec(options);
  if (!/^[\x20-\x7e]+$/.test(codec.id) || codec.id.length >= CODEC_LENGTH) {
    throw new ChannelError(
      'INVALID_ARGUMENT',
      name,
      `a codec's id has 1 to ${CODEC_LENGTH - 1} printable ASCII characters, not ${JSON.stringify(codec.id)}`,
    );
  }
  const definition: ChannelDefinition<T> = {
    name,
    pattern: PATTERN_CHANNEL,
    capacity: capacity ?? DEFAULT_CAPACITY,
    capacityGiven: capacity !== undefined,
    maxMessage,
    history,
    codec,
    takesAny: options.schema === 'any',
    ...encodeSchema(name, codec),
    scope: ofBus?.scope ?? options.scope ?? 'user',
    maxParticipants: options.maxParticipants ?? DEFAULT_PARTICIPANTS,
    discoverable: options.discoverable ?? true,
    mode: options.mode ?? ofBus?.mode,
    group: options.group ?? ofBus?.group,
  };
  // What does not fit together is refused where it is asked for, not where it is opened.
  planGeometry(definition, 0);
  return definition;
}

/** A segment of this format that is no channel of a program, by its pattern. */
export interface PatternOptions {
  readonly name: string;
  readonly pattern: number;
  readonly codec: Codec<unknown>;
  readonly capacity: number;
  readonly maxParticipants: number;
  readonly scope?: Scope | undefined;
  readonly mode?: number | undefined;
  readonly group?: number | undefined;
  /** Whether any codec and schema will do that it has. Defaults to false. */
  readonly takesAny?: boolean | undefined;
}

/** Its definition, as that of a channel. Its name, which no channel can have, is not checked, nor are its numbers. */
export function definePattern<T = unknown>(options: PatternOptions): ChannelDefinition<T> {
  const { name, codec, scope = 'user' } = options;
  return {
    ...options,
    codec: codec as Codec<T>,
    capacityGiven: false,
    maxMessage: undefined,
    history: undefined,
    takesAny: options.takesAny ?? false,
    ...encodeSchema(name, codec),
    scope,
    discoverable: true,
    mode: options.mode,
    group: options.group,
  };
}

function encodeSchema(
  name: string,
  { schema }: Pick<Codec<unknown>, 'schema'>,
): Pick<ChannelDefinition<unknown>, 'schemaBytes' | 'schemaHash'> {
  if (schema === undefined)
    return { schemaBytes: new Uint8Array(0), schemaHash: new Uint8Array(SCHEMA_HASH_LENGTH) };
  const schemaBytes = new TextEncoder().encode(schema.text);
  checkValue(name, 'bytes of the schema', schemaBytes.length, wholeNumber(1, MAX_SCHEMA_LENGTH));
  const { createHash } = process.getBuiltinModule('node:crypto');
  return { schemaBytes, schemaHash: createHash('sha256').update(schemaBytes).digest() };
}

/** Whether a channel can have that name. */
export function isChannelName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[A-Za-z0-9._-]+$/.test(name);
}

const REGISTRY_END = '~service';

/** Name of the segment that is the registry of a service. */
export function registryName(service: string): string {
  return `${service}${REGISTRY_END}`;
}

/** Name of the service whose registry a segment of that name is; undefined for any other. */
export function serviceOf(segment: string): string | undefined {
  if (!segment.endsWith(REGISTRY_END)) return undefined;
  const service = segment.slice(0, -REGISTRY_END.length);
  return service.length <= MAX_SERVICE_NAME_LENGTH && isChannelName(service) ? service : undefined;
}

/** Refuses what is no name of a channel. */
export function checkName(name: unknown): asserts name is string {
  const problem =
    typeof name !== 'string'
      ? `is a string, not ${typeof name}`
      : name === ''
        ? 'must not be empty'
        : name.length > MAX_NAME_LENGTH
          ? `has at most ${MAX_NAME_LENGTH} characters, not ${name.length}`
          : isChannelName(name)
            ? undefined
            : `holds only A-Z a-z 0-9 . _ and -, unlike ${JSON.stringify(name)}`;
  if (problem !== undefined) {
    throw new ChannelError(
      'INVALID_NAME',
      JSON.stringify(name) ?? 'undefined',
      `a channel's name ${problem}`,
    );
  }
}
