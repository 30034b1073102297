import { requireCodable, shapeFromTerm } from '@mmfbus/codec/internal';
import { assembleContract, invalidContract, type MethodDraft } from './assemble.js';
import { CONTRACT_VERSION, MAX_CONTRACT_LENGTH, NOTHING, VALIDATED } from './contract-text.js';
import { kindName, shownName } from './names.js';
import { NO_PART, shapedPart, validatedPart } from './part.js';
import type { MethodPart, ServiceContract } from './service-contract.js';

/**
 * The contract that a text describes: for programs that call services they were not written for. The text may come from any
 * program. What a validator checks on its side has the values of `msgpack()` here; what shapes lose in a text they lose here too, so
 * that integers of 64 bits are bigints, and maps are `Map`s.
 *
 * @param name the name of the service.
 * @param text the text of a {@link ServiceContract}; at most 1,048,576 bytes. White space, and the order of methods, codes and members do
 * not matter.
 * @throws {@link ServiceError} `INVALID_CONTRACT`, and nothing else, with the place where the text describes no contract.
 */
export function contractOfText(name: string, text: string): ServiceContract {
  return new TextReader(name).read(text);
}

class TextReader {
  readonly #service: string;

  constructor(service: string) {
    this.#service = service;
  }

  read(text: unknown): ServiceContract {
    if (typeof text !== 'string')
      throw this.#wrong(`the text of a contract is a string, not ${kindName(text)}`);
    // Each character takes a byte at least.
    if (text.length > MAX_CONTRACT_LENGTH) {
      throw this.#wrong(
        `the text of a contract has at most ${MAX_CONTRACT_LENGTH} bytes, not ${text.length}`,
      );
    }
    const { version, methods } = this.#members('the text', this.#parse(text), ['version', 'methods']);
    if (version !== CONTRACT_VERSION) {
      const shown = typeof version === 'number' ? version : kindName(version);
      throw this.#wrong(`the version of the text must be ${CONTRACT_VERSION}, not ${shown}`);
    }
    return assembleContract(
      this.#service,
      this.#list('methods', methods).map((method) => this.#method(method)),
    );
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.#wrong('the text is no JSON', error);
    }
  }

  #method(term: unknown): MethodDraft {
    const [name, members] = this.#pair('a method', term);
    const place = shownName(name);
    const { input, output, errors, idempotent } = this.#members(place, members, [
      'input',
      'output',
      'errors',
      'idempotent',
    ]);
    if (idempotent !== undefined && typeof idempotent !== 'boolean') {
      throw this.#wrong(`idempotent of ${place} must be true or false, not ${kindName(idempotent)}`);
    }
    return {
      name,
      input: input === undefined ? NO_PART : this.#part(`the input of ${place}`, input),
      output: output === undefined ? undefined : this.#part(`the output of ${place}`, output),
      errors:
        errors === undefined
          ? []
          : this.#list(`errors of ${place}`, errors).map((error) => {
              const [code, data] = this.#pair(`an error of ${place}`, error);
              return [code, this.#value(`the error ${shownName(code)} of ${place}`, 'value', data)];
            }),
      isIdempotent: idempotent === true,
    };
  }

  #part(what: string, term: unknown): MethodPart {
    if (typeof term !== 'object' || term === null || !Object.hasOwn(term, 'stream')) {
      return this.#value(what, 'value', term);
    }
    const item = this.#members(what, term, ['stream'])['stream'];
    if (item === NOTHING) throw this.#wrong(`${what} is a stream of nothing`);
    return this.#value(what, 'stream', item);
  }

  #value(what: string, kind: 'value' | 'stream', term: unknown): MethodPart {
    if (term === NOTHING) return NO_PART;
    if (term === VALIDATED) return validatedPart(kind);
    try {
      const shape = shapeFromTerm(term);
      requireCodable(shape);
      return shapedPart(kind, shape);
    } catch (error) {
      throw this.#wrong(`${what}: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  }

  #members(what: string, value: unknown, known: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#wrong(`${what} must be an object, not ${kindName(value)}`);
    }
    const unknown = Object.keys(value).find((key) => !known.includes(key));
    if (unknown === undefined) return value as Record<string, unknown>;
    throw this.#wrong(`${what} has ${shownName(unknown)}, which is not known beside ${known.join(', ')}`);
  }

  #pair(what: string, value: unknown): readonly [name: string, of: unknown] {
    const [name, of] = this.#list(what, value);
    if (typeof name !== 'string' || (value as readonly unknown[]).length !== 2) {
      throw this.#wrong(`${what} must be a list of its name and what it is`);
    }
    return [name, of];
  }

  #list(what: string, value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.#wrong(`${what} must be a list, not ${kindName(value)}`);
  }

  #wrong(problem: string, cause?: unknown): Error {
    return invalidContract(this.#service, problem, cause);
  }
}
