import { generateCService } from './c/generate-c-service.js';
import type { Contract } from './contract.js';
import { GenerateError } from './errors.js';
import { generatePythonService } from './python/generate-python-service.js';
import { type Language, requireName, requireSize } from './target.js';
import { generateTypeScriptService } from './typescript/generate-typescript-service.js';

/** Options of {@link generateService}. */
export interface GenerateServiceOptions {
  /** The language of the code. There are no stubs of services for Rust yet. */
  readonly language: Language;
  /** What the service is called in it: 1 to 40 letters, digits, `_` and `-`. */
  readonly name: string;
}

const generators: Readonly<Partial<Record<Language, (contract: Contract, name: string) => string>>> = {
  c: generateCService,
  python: generatePythonService,
  typescript: generateTypeScriptService,
};

/**
 * Writes a service from its contract, for a program that does not have its definition. The same contract and options give the same
 * text. What a validator checks, of which the contract does not say more, is `unknown()`.
 *
 * @returns for TypeScript the text of a module that defines the service with the functions of `mmfbus` and `@mmfbus/service`; for C that of
 * a header, which includes `mmfbus_service.h` and `mmfbus_shape.h` of `@mmfbus/native`, with the types of all values, a function that calls
 * each method, and what a server answers with; for Python that of a module, which imports `mmfbus_service` and `mmfbus_shape` from there, with
 * the types of all values, a client that has the methods, and what serves them.
 * @throws {@link GenerateError} `USAGE` for an invalid name or a language without stubs, `SHAPE` for a contract whose canonical text has more
 * than 262,144 characters, and for a shape that the language cannot write.
 */
export function generateService(contract: Contract, options: GenerateServiceOptions): string {
  const { language, name } = options;
  const generator = Object.hasOwn(generators, language) ? generators[language] : undefined;
  if (generator === undefined) {
    const languages = Object.keys(generators).join(' and ');
    throw new GenerateError(
      'USAGE',
      `there are no stubs of services for ${String(language)} yet, only for ${languages}`,
    );
  }
  requireName(name);
  requireSize('contract', contract.text);
  return generator(contract, name);
}
