import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Shape } from '@mmfbus/codec';
import { GenerateError } from './errors.js';

/** A shape that a module exports. */
export interface LoadedShape {
  readonly shape: Shape;
  /** The name of the export. */
  readonly name: string;
  /** How structs are written; undefined where the export does not say. */
  readonly layout: 'map' | 'array' | undefined;
}

/**
 * Imports a module and takes a shape out of it: the export may be a shape, a codec of one, or a channel that has one.
 *
 * @param place the path of the module and the name of the export: `./dist/channel.js#quote`.
 * @throws {@link GenerateError} `USAGE`, `MODULE` or `SHAPE`.
 */
export async function loadShape(place: string): Promise<LoadedShape> {
  const hash = place.lastIndexOf('#');
  const [path, name] = [place.slice(0, hash), place.slice(hash + 1)];
  if (hash <= 0 || name === '') {
    throw new GenerateError(
      'USAGE',
      `--shape names a module and an export, as ./dist/channel.js#quote, not ${place}`,
    );
  }
  const exported = await importModule(path);
  if (!Object.hasOwn(exported, name)) {
    const names = Object.keys(exported).join(', ') || 'nothing';
    throw new GenerateError('MODULE', `${path} has no export ${name}; it exports ${names}`);
  }
  const value = exported[name];
  const codec = isObject(value) && isObject(value['codec']) ? value['codec'] : value;
  const shape = isObject(codec) && !isShape(codec) ? codec['shape'] : codec;
  if (!isShape(shape)) {
    throw new GenerateError(
      'SHAPE',
      `${name} of ${path} is no shape of @mmfbus/codec, and no channel that has one`,
    );
  }
  const id = isObject(codec) ? codec['id'] : undefined;
  return { shape, name, layout: id === 'msgpack-array' ? 'array' : id === 'msgpack' ? 'map' : undefined };
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GenerateError('MODULE', `${path} cannot be imported: ${reason}`, { cause: error });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isShape(value: unknown): value is Shape {
  return isObject(value) && isObject(value['node']) && isObject(value['~standard']);
}
