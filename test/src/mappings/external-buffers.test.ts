// Where a runtime forbids buffers over foreign memory, as Electron does: memory is mapped over that of WebAssembly, or not at all.
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { type StartOptions, startProgram } from '../support/spawn.js';

ownDirectory('external-buffers');

const env = { MMFBUS_EXTERNAL_BUFFERS: 'off' };
/** Addresses, in KiB, for some memories of WebAssembly beside what Node takes. */
const ADDRESSES = 64 * 2 ** 20;

async function run(args: readonly string[], options: StartOptions = {}) {
  return JSON.parse(
    await startProgram('refused-buffers', {
      args,
      ...options,
      env: { MMFBUS_EXTERNAL_BUFFERS: undefined, ...options.env },
    }).success(),
  );
}

describe.skipIf(process.platform === 'win32')('memory without external buffers', () => {
  const found = {
    isOfWasm: [true, true],
    length: 2 ** 23 + 100,
    beyond: expect.stringMatching(
      /^RangeError: shared memory has 8388708 bytes; 1 at 8388708 were asked for/,
    ),
    seen: 7,
    lengthAfter: 0,
    lastAfter: 0,
  };

  it('is that of WebAssembly, as the environment variable says', async () => {
    expect(await run(['look'], { env })).toEqual({ ...found, views: 0 });
  });

  it('is that of WebAssembly where koffi is refused, which is asked once', async () => {
    expect(await run(['look', 'refused'])).toEqual({ ...found, views: 1 });
  });

  it('is not used where nothing is forbidden', async () => {
    expect(await run(['look'])).toEqual({ ...found, isOfWasm: [false, false], views: 2 });
  });
});

describe.runIf(process.platform === 'linux')('a try that fails', () => {
  it('for want of WebAssembly says so, and leaves nothing', async () => {
    const { outcomes, grown, before, after } = await run(['fail'], { env, nodeArgs: ['--jitless'] });
    expect(outcomes).toHaveLength(3);
    for (const outcome of outcomes) expect(outcome).toMatch(/^UNSUPPORTED: .*start it without --jitless$/);
    expect(after).toEqual(before);
    // Of a thousand segments not even a tenth; Node's own heaps grow now and then.
    expect(grown).toBeLessThan(100 * 2 ** 23);
  });

  it('for want of addresses says so, leaves nothing, and succeeds when others were closed', async () => {
    const within = ['sh', '-c', `ulimit -v ${ADDRESSES}; exec "$@"`, 'sh'];
    const { outcomes, counts, before, after } = await run(['fill'], { env, within });
    for (const outcome of outcomes) {
      expect(outcome).toMatch(/^UNSUPPORTED: cannot map .*about a hundred mappings\. Close channels/);
    }
    expect(counts[0]).toBeGreaterThan(1);
    expect(new Set(counts).size).toBe(1);
    expect(after).toEqual(before);
  });
});

describe.runIf(process.platform === 'win32')('Windows without external buffers', () => {
  it('is refused, with what to do, and nothing is left', async () => {
    const { outcomes, before, after } = await run(['fail', 'refused']);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatch(/^UNSUPPORTED: .*use mmfbus in a process of Node/);
    expect(after).toEqual(before);
  });
});
