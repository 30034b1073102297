import { beforeEach, describe, expect, it, vi } from 'vitest';

type ExitHooks = typeof import('./exit-hooks.js');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = SIGNALS.map((signal) => process.listenerCount(signal));

/** How many listeners of ours each signal has. */
function listeners(): number[] {
  return SIGNALS.map((signal, index) => process.listenerCount(signal) - (before[index] as number));
}

async function copy(): Promise<ExitHooks> {
  vi.resetModules();
  return import('./exit-hooks.js');
}

describe('two copies of the module', () => {
  let copies: ExitHooks[];

  beforeEach(async () => {
    copies = [await copy(), await copy()];
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('listen once, whichever is used last: %d, then %d', (first, second) => {
    const forget = [first, second].map((index) => copies[index]!.atExit(() => {}));
    expect(listeners()).toEqual([1, 1, 1]);
    for (const each of forget) each();
    expect(listeners()).toEqual([0, 0, 0]);
    const again = copies[first]!.atExit(() => {});
    expect(listeners()).toEqual([1, 1, 1]);
    again();
    expect(listeners()).toEqual([0, 0, 0]);
  });
});
