import { type Shape, type StandardSchema, validated } from '@mmfbus/codec';
import { requireCodable } from '@mmfbus/codec/internal';
import { assembleContract, invalidContract, type MethodDraft } from './assemble.js';
import { isMethod, type Method, optionsOf } from './method.js';
import { kindName, shownName } from './names.js';
import { NO_PART, shapedPart, validatedPart } from './part.js';
import { kindOf, type StreamOf } from './schema.js';
import type { MethodPart, ServiceContract } from './service-contract.js';

/** The methods of a service by their names. */
export type Methods = Readonly<Record<string, Method>>;

/** What {@link defineService} takes. */
export interface ServiceDefinition<M extends Methods = Methods> {
  /** The name by which servers and clients meet: 1 to 100 characters of `A-Z a-z 0-9 . _ -`. */
  readonly name: string;
  /**
   * The methods, each made by {@link method}. A name has 1 to 64 letters, digits and `_`, a letter first; what every object has,
   * `then` and `toJSON` are no names.
   */
  readonly methods: M;
}

const METHOD_OPTIONS = ['input', 'output', 'errors', 'idempotent'];

/**
 * Checks the definition of a service, and makes its contract.
 *
 * @throws {@link ServiceError} `INVALID_CONTRACT`, which names the method and what is wrong with it.
 */
export function compileContract(definition: ServiceDefinition): ServiceContract {
  const name: unknown = (definition as Partial<ServiceDefinition> | null | undefined)?.name;
  const compiler = new Compiler(name);
  const { methods } = compiler.object('what defineService() takes', definition, ['name', 'methods']);
  const drafts = Object.entries(compiler.object('methods', methods)).map(([key, made]) =>
    compiler.method(key, made),
  );
  return assembleContract(name as string, drafts);
}

class Compiler {
  readonly #service: unknown;

  constructor(service: unknown) {
    this.#service = service;
  }

  method(name: string, made: unknown): MethodDraft {
    const place = shownPlace(name);
    if (!isMethod(made)) {
      throw this.#wrong(`${place} must be a method: write method({ … }), not ${kindName(made)}`);
    }
    const options = this.object(`the options of ${place}`, optionsOf(made), METHOD_OPTIONS);
    const { input, output, errors = {}, idempotent = false } = options;
    if (typeof idempotent !== 'boolean') {
      throw this.#wrong(`idempotent of ${place} must be true or false, not ${kindName(idempotent)}`);
    }
    if (kindOf(input) === 'nothing')
      throw this.#wrong(`${place} takes nothing when it has no input: leave it out`);
    return {
      name,
      input: input === undefined ? NO_PART : this.#part(`the input of ${place}`, input),
      output: output === undefined ? undefined : this.#part(`the output of ${place}`, output),
      errors: Object.entries(this.object(`errors of ${place}`, errors)).map(([code, data]) => {
        const what = `the error ${shownName(code)} of ${place}`;
        if (kindOf(data) === 'stream') throw this.#wrong(`${what} has one value at most, no stream`);
        return [code, this.#part(what, data)];
      }),
      isIdempotent: idempotent,
    };
  }

  /** Refuses what is no plain object, and members that are not known. */
  object(what: string, value: unknown, known?: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || '~standard' in value) {
      throw this.#wrong(`${what} must be an object, not ${isSchema(value) ? 'a schema' : kindName(value)}`);
    }
    const unknown = Object.keys(value).find((key) => known?.includes(key) === false);
    if (unknown === undefined) return value as Record<string, unknown>;
    throw this.#wrong(`${what} cannot have ${shownName(unknown)}: there are ${known?.join(', ')}`);
  }

  #part(what: string, schema: unknown): MethodPart {
    const kind = kindOf(schema);
    if (kind === 'nothing') return NO_PART;
    return kind === 'stream'
      ? this.#values(what, 'stream', (schema as StreamOf).item)
      : this.#values(what, 'value', schema);
  }

  #values(what: string, kind: 'value' | 'stream', schema: unknown): MethodPart {
    if (!isSchema(schema)) throw this.#wrong(`${what} must be a shape${adviceFor(schema)}`);
    if (schema['~standard'].vendor !== 'mmfbus') return validatedPart(kind, () => validated(schema));
    try {
      requireCodable(schema as Shape);
    } catch (error) {
      throw this.#wrong(`${what}: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    return shapedPart(kind, schema as Shape);
  }

  #wrong(problem: string, cause?: unknown): Error {
    return invalidContract(this.#service, problem, cause);
  }
}

function isSchema(value: unknown): value is StandardSchema {
  // The schemas of arktype are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as Partial<StandardSchema>)['~standard']?.validate === 'function';
}

function adviceFor(value: unknown): string {
  if (typeof value === 'function') {
    const name = /^\w+$/.test(value.name) ? value.name : 'f';
    return `, not a function: write ${name}(), with its parentheses`;
  }
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isPlain) return ` or another Standard Schema, not ${kindName(value)}`;
  const kind = kindOf(value);
  if (kind !== undefined) return `, not ${kind}(…)`;
  return ', not a plain object: write struct({ … })';
}

function shownPlace(name: string): string {
  return /^\w{1,64}$/.test(name) ? name : shownName(name);
}
