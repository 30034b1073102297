import type { ChannelInfo } from '@mmfbus/channel';
import { shapeFromText, toJsonSchema } from '@mmfbus/codec';
import { generate, generateService } from '@mmfbus/generate';
import type { ServiceContract } from '@mmfbus/service';
import { Failure } from './failure.js';

/** What a schema can be shown as. */
export const LANGUAGES = ['typescript', 'json-schema', 'c', 'rust', 'python'] as const;

/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/**
 * The schema of a channel as code.
 *
 * @param name of the type. Defaults to that of the channel.
 * @throws {Failure} where the channel has no schema, or one that is no shape of ours.
 */
export function codeOf(info: ChannelInfo, language: Language, name: string = typeName(info.name)): string {
  const { schema, codec } = info;
  if (schema === undefined) throw new Failure(`${info.name} has no schema: its codec is ${codec}`);
  try {
    const shape = shapeFromText(schema);
    if (language === 'json-schema') return JSON.stringify(toJsonSchema(shape), undefined, 2);
    const layout = codec === 'msgpack-array' ? 'array' : 'map';
    return generate(shape, { language, name, layout }).trimEnd();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(`the schema of ${info.name} cannot be shown as ${language}: ${why}`, { cause });
  }
}

/**
 * The contract of a service as code.
 *
 * @param name of the service in the code. Defaults to its own.
 * @throws {Failure} where the contract cannot be shown.
 */
export function serviceCodeOf(
  contract: ServiceContract,
  language: Language,
  name: string = typeName(contract.name),
): string {
  try {
    if (language === 'json-schema') throw new Error('its methods have a schema each');
    return generateService(contract, { language, name }).trimEnd();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(`the contract of ${contract.name} cannot be shown as ${language}: ${why}`, { cause });
  }
}

/** A name for a type, of letters and digits that begin with a letter. */
function typeName(channel: string): string {
  const words = channel.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(words) ? words : `channel_${words}`;
}
