import { describe, expect, it } from 'vitest';
import { PulledIterator } from './pulled-iterator.js';

const DONE = { done: true, value: undefined };
const value = (number: number) => ({ done: false, value: number });

/** An iterator over batches that the test hands out one by one. */
function iterator() {
  const pulls: {
    resolve: (batch: readonly number[] | undefined) => void;
    reject: (error: unknown) => void;
  }[] = [];
  const ends = new AbortController();
  const fails = new AbortController();
  const closed: string[] = [];
  const source = {
    pull: () =>
      new Promise<readonly number[] | undefined>((resolve, reject) => pulls.push({ resolve, reject })),
    close: async () => {
      closed.push('closed');
    },
  };
  const iterated = new PulledIterator<number>(source, { ends: ends.signal, fails: fails.signal });
  return { iterated, pulls, ends, fails, closed };
}

describe('an iterator that pulls', () => {
  it('pulls only while a caller waits, and gives every value once, in order', async () => {
    const { iterated, pulls } = iterator();
    const asked = [iterated.next(), iterated.next(), iterated.next()];
    expect(pulls.length).toBe(1);
    pulls[0]?.resolve([1, 2]);
    expect(await asked[1]).toEqual(value(2));
    pulls[1]?.resolve([]);
    await new Promise(setImmediate);
    pulls[2]?.resolve([3, 4, 5]);
    expect(await Promise.all(asked)).toEqual([value(1), value(2), value(3)]);
    expect([await iterated.next(), await iterated.next()]).toEqual([value(4), value(5)]);
    expect(pulls.length).toBe(3);
  });

  it('ends with its source, which is closed once', async () => {
    const { iterated, pulls, closed } = iterator();
    const asked = [iterated.next(), iterated.next()];
    pulls[0]?.resolve(undefined);
    expect(await Promise.all(asked)).toEqual([DONE, DONE]);
    expect(await iterated.return()).toEqual(DONE);
    expect(closed).toEqual(['closed']);
  });

  it('throws what its source threw, once', async () => {
    const { iterated, pulls, closed } = iterator();
    const asked = [iterated.next(), iterated.next()];
    const error = new Error('broken');
    pulls[0]?.reject(error);
    await expect(asked[0]).rejects.toBe(error);
    expect([await asked[1], await iterated.next()]).toEqual([DONE, DONE]);
    expect(closed).toEqual(['closed']);
  });

  it.each(['return', 'throw'] as const)('settles what waits when %s is called', async (way) => {
    const { iterated, pulls, closed } = iterator();
    const asked = [iterated.next(), iterated.next()];
    const reason = new Error('enough');
    if (way === 'return') expect(await iterated.return()).toEqual(DONE);
    else await expect(iterated.throw(reason)).rejects.toBe(reason);
    expect(await Promise.all(asked)).toEqual([DONE, DONE]);
    // What it comes to then concerns no caller any more.
    pulls[0]?.reject(new Error('late'));
    expect(await iterated.next()).toEqual(DONE);
    expect(closed).toEqual(['closed']);
  });

  it('drops what comes after it was left', async () => {
    const { iterated, pulls, closed } = iterator();
    const asked = iterated.next();
    await iterated.return();
    pulls[0]?.resolve([1, 2]);
    expect([await asked, await iterated.next()]).toEqual([DONE, DONE]);
    expect({ pulls: pulls.length, closed }).toEqual({ pulls: 1, closed: ['closed'] });
  });

  it('drops what was pulled already when it is left', async () => {
    const { iterated, pulls } = iterator();
    const first = iterated.next();
    pulls[0]?.resolve([1, 2]);
    expect(await first).toEqual(value(1));
    await iterated[Symbol.asyncDispose]();
    expect(await iterated.next()).toEqual(DONE);
  });

  it('drops what was pulled already when it ends in good order', async () => {
    const { iterated, pulls, ends } = iterator();
    const first = iterated.next();
    pulls[0]?.resolve([1, 2]);
    await first;
    ends.abort();
    expect(await iterated.next()).toEqual(DONE);
  });

  it('throws the reason of a signal at once, instead of what was pulled', async () => {
    const { iterated, pulls, fails } = iterator();
    const first = iterated.next();
    pulls[0]?.resolve([1, 2]);
    await first;
    fails.abort('enough');
    await expect(iterated.next()).rejects.toBe('enough');
    expect(await iterated.next()).toEqual(DONE);

    const other = iterator();
    const waiting = other.iterated.next();
    other.fails.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    expect(other.closed).toEqual(['closed']);
  });

  it('begins nothing before it is asked, and nothing once a signal is aborted', async () => {
    const unasked = iterator();
    expect(await unasked.iterated.return()).toEqual(DONE);
    unasked.fails.abort('enough');
    expect(await unasked.iterated.next()).toEqual(DONE);
    expect([unasked.pulls, unasked.closed]).toEqual([[], []]);

    const ended = iterator();
    ended.ends.abort();
    expect(await ended.iterated.next()).toEqual(DONE);
    const failed = iterator();
    failed.fails.abort('enough');
    await expect(failed.iterated.next()).rejects.toBe('enough');
    expect([...ended.pulls, ...failed.pulls]).toEqual([]);
  });

  it('has return reject with what went wrong in closing, and nothing else', async () => {
    const source = {
      pull: () => new Promise<undefined>(() => {}),
      close: () => Promise.reject(new Error('stuck')),
    };
    const iterated = new PulledIterator<number>(source, { ends: new AbortController().signal });
    const waiting = iterated.next();
    await expect(iterated.return()).rejects.toThrow('stuck');
    expect(await waiting).toEqual(DONE);
  });
});
