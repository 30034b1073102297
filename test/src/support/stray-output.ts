// Loaded before every test file: a test that prints, or makes Node warn, fails. What tests print is not read, and hides what
// matters.
import { afterEach, expect } from 'vitest';

const stray: string[] = [];

for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream);
  stream.write = (...args: unknown[]): boolean => {
    stray.push(`${name}: ${String(args[0])}`);
    return (write as (...args: unknown[]) => boolean)(...args);
  };
}

for (const name of ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const) {
  console[name] = (...args: unknown[]): void => {
    stray.push(`console.${name}: ${args.map(String).join(' ')}`);
  };
}

afterEach(() => {
  expect(stray.splice(0), 'stray output').toEqual([]);
});
