import { expect } from 'vitest';
import type { StartOptions } from '../support/spawn.js';
import { start } from './command-support.js';

/** What `mmfbus doctor` has found, a line of its JSON. */
export interface Found {
  readonly level: 'problem' | 'hint' | 'fact';
  readonly text: string;
  readonly remedy?: string;
}

/** What `mmfbus doctor --json` says. */
export interface Examined {
  readonly status: number | null;
  readonly found: readonly Found[];
}

/** Runs `mmfbus doctor --json`. */
export function examine(...words: string[]): Promise<Examined> {
  return examineAs({}, ...words);
}

/** The same, started in another way. */
export async function examineAs(options: StartOptions, ...words: string[]): Promise<Examined> {
  const program = start(['doctor', '--json', ...words], options);
  program.endInput();
  const { status, stdout, stderr } = await program.exit();
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  return { status, found: lines.map((line) => JSON.parse(line)) };
}

/** What `mmfbus doctor` says without `--json`: the problems and hints, each with what to do, as the text shows them. */
export async function textOf(options: StartOptions = {}, ...words: string[]): Promise<string> {
  const program = start(['doctor', ...words], options);
  program.endInput();
  const { stdout, stderr } = await program.exit();
  expect(stderr).toBe('');
  return stdout;
}

/** What is not a fact: each says what to do. */
export function troublesOf({ found }: Examined): readonly Found[] {
  const troubles = found.filter(({ level }) => level !== 'fact');
  for (const { text, remedy } of troubles) expect(remedy, text).toMatch(/./);
  return troubles;
}

/** A finding as the text shows it. */
export function shown({ level, text, remedy }: Found): string {
  return `${level.padEnd(7)}  ${text}\n         → ${remedy}\n`;
}
