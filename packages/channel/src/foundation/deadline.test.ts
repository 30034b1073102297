import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unlessAborted, withDeadline, withSignals } from './deadline.js';

/** Waits until the signal aborts. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('a wait', () => {
  it('ends with whichever signal comes first, and leaves nothing on the others', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = withSignals([first.signal, undefined, second.signal], untilAborted);
    second.abort('second');
    await expect(waiting).rejects.toBe('second');
    expect(getEventListeners(first.signal, 'abort')).toEqual([]);
    expect(await withSignals([first.signal], async () => 5)).toBe(5);
    expect(getEventListeners(first.signal, 'abort')).toEqual([]);
    await expect(withSignals([second.signal], () => expect.unreachable())).rejects.toBe('second');
  });

  it('ends when its time is over', async () => {
    const tooLate = () => new Error('too late');
    await expect(withDeadline({ timeout: 1 }, tooLate, untilAborted)).rejects.toThrow('too late');
    expect(await withDeadline({ timeout: 1 }, tooLate, async () => 5)).toBe(5);
    expect(
      await withDeadline(
        {},
        () => expect.unreachable(),
        async () => 5,
      ),
    ).toBe(5);
  });

  it('may be left while it goes on', async () => {
    const abort = new AbortController();
    const waiting = unlessAborted(new Promise(() => {}), abort.signal);
    abort.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await expect(unlessAborted(Promise.resolve(5), abort.signal)).rejects.toBe('enough');
    const other = new AbortController();
    expect(await unlessAborted(Promise.resolve(5), other.signal)).toBe(5);
    expect(getEventListeners(other.signal, 'abort')).toEqual([]);
  });
});
