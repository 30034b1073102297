import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Shape } from '@mmfbus/codec';
import type { Contract } from './contract.js';
import { GenerateError } from './errors.js';

/** A shape that a module exports. */
export interface LoadedShape {
  readonly shape: Shape;
  /** The name of the export. */
  readonly name: string;
  /** How structs are written; undefined where the export does not say. */
  readonly layout: 'map' | 'array' | undefined;
}

/** A service that a module exports. */
export interface LoadedContract {
  readonly contract: Contract;
  /** The name of the export. */
  readonly name: string;
}

/**
 * Imports a module and takes a shape out of it: the export may be a shape, a codec of one, or a channel that has one.
 *
 * @param place the path of the module and the name of the export: `./dist/channel.js#quote`.
 * @throws {@link GenerateError} `USAGE`, `MODULE` or `SHAPE`.
 */
export async function loadShape(place: string): Promise<LoadedShape> {
  const { path, name, value } = await loadExport('shape', place, './dist/channel.js#quote');
  const codec = isObject(value) && isObject(value['codec']) ? value['codec'] : value;
  const shape = isObject(codec) && !isShape(codec) ? codec['shape'] : codec;
  if (!isShape(shape)) {
    const advice = contractOf(value) === undefined ? '' : ', but a service: name it with --service';
    throw new GenerateError(
      'SHAPE',
      `${name} of ${path} is no shape of @mmfbus/codec, and no channel that has one${advice}`,
    );
  }
  const id = isObject(codec) ? codec['id'] : undefined;
  return { shape, name, layout: id === 'msgpack-array' ? 'array' : id === 'msgpack' ? 'map' : undefined };
}

/**
 * Imports a module and takes a contract out of it: the export may be a service, or the contract of one.
 *
 * @param place the path of the module and the name of the export: `./dist/calc.js#calc`.
 * @throws {@link GenerateError} `USAGE`, `MODULE` or `SHAPE`.
 */
export async function loadContract(place: string): Promise<LoadedContract> {
  const { path, name, value } = await loadExport('service', place, './dist/calc.js#calc');
  const contract = contractOf(value);
  if (contract !== undefined) return { contract, name };
  throw new GenerateError('SHAPE', `${name} of ${path} is no service of @mmfbus/service`);
}

interface Exported {
  readonly path: string;
  readonly name: string;
  readonly value: unknown;
}

async function loadExport(option: string, place: string, example: string): Promise<Exported> {
  const hash = place.lastIndexOf('#');
  const [path, name] = [place.slice(0, hash), place.slice(hash + 1)];
  if (hash <= 0 || name === '') {
    throw new GenerateError('USAGE', `--${option} names a module and an export, as ${example}, not ${place}`);
  }
  const exported = await importModule(path);
  if (Object.hasOwn(exported, name)) return { path, name, value: exported[name] };
  const names = Object.keys(exported).join(', ') || 'nothing';
  throw new GenerateError('MODULE', `${path} has no export ${name}; it exports ${names}`);
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

function contractOf(value: unknown): Contract | undefined {
  const contract = isObject(value) && isObject(value['contract']) ? value['contract'] : value;
  const isContract = isObject(contract) && contract['methods'] instanceof Map;
  return isContract && typeof contract['text'] === 'string' ? (contract as unknown as Contract) : undefined;
}
