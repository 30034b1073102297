import type { Contract } from './contract.js';
import { GenerateError } from './errors.js';
import { requireName, requireSize } from './target.js';
import { generateTypeScriptService } from './typescript/generate-typescript-service.js';

/** Options of {@link generateService}. */
export interface GenerateServiceOptions {
  /** The language of the code. */
  readonly language: 'typescript';
  /** What the service is called in it: 1 to 40 letters, digits, `_` and `-`. */
  readonly name: string;
}

/**
 * Writes the definition of a service from its contract, to be pasted into a program that does not have it. The same contract and options
 * give the same text. What a validator checks, of which the contract does not say more, is `unknown()`.
 *
 * @returns the text of a TypeScript module that defines the service with the functions of `mmfbus` and `@mmfbus/service`.
 * @throws {@link GenerateError} `USAGE` for an invalid name or an unknown language, `SHAPE` for a contract whose canonical text has more
 * than 262,144 characters, and for a shape that TypeScript cannot write.
 */
export function generateService(contract: Contract, options: GenerateServiceOptions): string {
  const { language, name } = options;
  if (language !== 'typescript') {
    throw new GenerateError('USAGE', `services are written in typescript, not in ${String(language)}`);
  }
  requireName(name);
  requireSize('contract', contract.text);
  return generateTypeScriptService(contract, name);
}
