import { generateCService } from './c/generate-c-service.js';
import type { Contract } from './contract.js';
import { GenerateError } from './errors.js';
import { generatePythonService } from './python/generate-python-service.js';
import { generateRustService } from './rust/generate-rust-service.js';
import { type Language, requireName, requireSize } from './target.js';
import { generateTypeScriptService } from './typescript/generate-typescript-service.js';

/** Options of {@link generateService}. */
export interface GenerateServiceOptions {
  /** The language of the code. */
  readonly language: Language;
  /** What the service is called in it: 1 to 40 letters, digits, `_` and `-`. */
  readonly name: string;
}

const generators: Readonly<Record<Language, (contract: Contract, name: string) => string>> = {
  c: generateCService,
  python: generatePythonService,
  rust: generateRustService,
  typescript: generateTypeScriptService,
};

/**
 * Writes a service from its contract, for a program that does not have its definition. The same contract and options give the same
 * text. What a validator checks, of which the contract does not say more, is `unknown()`.
 *
 * @returns for TypeScript the text of a module that defines the service with the functions of `mmfbus` and `@mmfbus/service`; for C that of
 * a header, which includes `mmfbus_service.h` and `mmfbus_shape.h` of `@mmfbus/native`, with the types of all values, a function that calls
 * each method, and what a server answers with; for Rust that of a module, which uses `crate::mmfbus_service` and `crate::mmfbus_msgpack`, with
 * the types of all values, a client with a function for each method, and its handlers: the name has no place in it; for Python that of a
 * module, which imports `mmfbus_service` and `mmfbus_shape`, with the types of all values, a client that has the methods, and what serves them.
 * @throws {@link GenerateError} `USAGE` for an invalid name or an unknown language, `SHAPE` for a contract whose canonical text has more
 * than 262,144 characters, and for a shape that the language cannot write.
 */
export function generateService(contract: Contract, options: GenerateServiceOptions): string {
  const { language, name } = options;
  if (!Object.hasOwn(generators, language)) {
    const languages = Object.keys(generators).join(', ');
    throw new GenerateError('USAGE', `services are written in ${languages}, not in ${String(language)}`);
  }
  requireName(name);
  requireSize('contract', contract.text);
  return generators[language](contract, name);
}
