import { createRequire, syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { timers } from './timers.js';

const promises = createRequire(import.meta.url)('node:timers/promises');
const real = { ...promises };

/** As `node:test` does it, whose fake timers print a warning on some versions. */
function replace(fake: (() => Promise<never>) | undefined): void {
  promises.setTimeout = fake ?? real.setTimeout;
  promises.setImmediate = fake ?? real.setImmediate;
  syncBuiltinESMExports();
}

const fakes: Record<string, { install(): void; restore(): void }> = {
  vitest: { install: () => vi.useFakeTimers(), restore: () => vi.useRealTimers() },
  "Node's modules": {
    install: () => replace(() => new Promise<never>(() => {})),
    restore: () => replace(undefined),
  },
};

afterEach(() => {
  for (const { restore } of Object.values(fakes)) restore();
});

describe.each(Object.entries(fakes))('with fakes of %s', (_, { install }) => {
  it('time goes on and pauses end', async () => {
    install();
    const before = timers.now();
    const begun = timers.hrtime();
    await timers.sleep(2);
    await timers.nextTurn();
    await new Promise<void>((resolve) => timers.setTimeout(resolve, 1));
    await new Promise<void>((resolve) => timers.setImmediate(resolve));
    expect(timers.now()).toBeGreaterThan(before);
    expect(timers.hrtime()).toBeGreaterThan(begun);
  });
});

describe('a pause', () => {
  it.each(['sleep', 'nextTurn'] as const)('by %s ends with the reason of its signal', async (pause) => {
    const reason = new Error('enough');
    const run = (signal: AbortSignal) =>
      pause === 'sleep' ? timers.sleep(2 ** 30, { signal }) : timers.nextTurn({ signal });
    await expect(run(AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const pausing = run(controller.signal);
    controller.abort(reason);
    await expect(pausing).rejects.toBe(reason);
  });
});
