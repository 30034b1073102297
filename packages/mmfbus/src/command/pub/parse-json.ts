import { Failure } from '../failure.js';

/** @throws {Failure} for what is no JSON; it says how a text is written. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const hint = /^[A-Za-z]/.test(text.trim())
      ? `; a text is written in quotes: '"${text.trim().slice(0, 20)}"'`
      : '';
    throw new Failure(`this is no JSON: ${(error as Error).message}${hint}`, { cause: error });
  }
}
