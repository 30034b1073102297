import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryMappedFile } from './memory-mapped-file.js';

type Winmmf = typeof import('./winmmf.js');

// The collection belongs to the process: each test gets the module anew.
let winmmf: Winmmf;
let names = 0;
const { LOCAL, GLOBAL, CUSTOM } = { LOCAL: 0, GLOBAL: 1, CUSTOM: 2 } as const;

beforeEach(async () => {
  vi.resetModules();
  winmmf = await import('./winmmf.js');
});

afterEach(() => {
  for (let handle = 1; handle <= 20; handle++) winmmf.close(handle);
});

function uniqueName(): string {
  return `mmfbus-test-${process.pid}-winmmf-${++names}`;
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

describe('invalid handles and bytes', () => {
  const handles = [1n, true, '1', null, {}, Symbol('1'), 1.5, -1, Number.NaN] as never[];

  it.each(handles)('handle %s: the codes of an unknown one', (handle) => {
    winmmf.new(10, uniqueName(), LOCAL);
    expect(winmmf.read_buf(handle, 1, new Uint8Array(1))).toBe(-4);
    expect(winmmf.write(handle, new Uint8Array(1))).toBe(-5);
    expect(() => winmmf.read(handle)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(winmmf.select_default(handle)).toBe(1);
    winmmf.close(handle);
    expect(winmmf.read(1)).toHaveLength(10);
  });

  it.each(handles)('size %s: the codes of a wrong one', (size) => {
    if (size === null) return;
    winmmf.new(10, uniqueName(), LOCAL);
    expect(winmmf.new(size, uniqueName(), LOCAL)).toBe(-1);
    expect(winmmf.open(size, uniqueName(), LOCAL)).toBe(-1);
    expect(winmmf.read_buf(1, size, new Uint8Array(1))).toBe(-4);
    expect(winmmf.write(1, new Uint8Array(1), size)).toBe(-5);
    expect(winmmf.new(1, uniqueName(), size)).toBe(-3);
  });

  it('detached bytes: the codes of wrong arguments', () => {
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    winmmf.new(10, uniqueName(), LOCAL);
    expect(winmmf.write(1, detached)).toBe(-5);
    expect(winmmf.read_buf(1, 0, detached)).toBe(-4);
  });

  it('only what read gave is freed', () => {
    winmmf.new(10, uniqueName(), LOCAL);
    const pooled = Buffer.from(winmmf.read());
    winmmf.free_result(1, pooled);
    expect(pooled).toHaveLength(10);
    const own = new Uint8Array(10);
    winmmf.free_raw(own, 10);
    expect(own).toHaveLength(10);
  });
});

describe('init', () => {
  it('0: the first time', () => expect(winmmf.init()).toBe(0));

  it('-1: already initialised', () => {
    winmmf.init(3);
    expect(winmmf.init()).toBe(-1);
  });

  it.each([0, 1.5, Number.NaN])('throws on the count %s', (count) => {
    expect(() => winmmf.init(count)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(winmmf.init()).toBe(0);
  });

  it('-1: initialised by the first mapping', () => {
    winmmf.new(1, uniqueName(), LOCAL);
    expect(winmmf.init()).toBe(-1);
  });
});

describe('new', () => {
  it('the new handle, from 1, which is the default', () => {
    expect(winmmf.new(10, uniqueName(), LOCAL)).toBe(1);
    expect(winmmf.new(20, uniqueName(), CUSTOM)).toBe(2);
    expect(winmmf.read()).toHaveLength(20);
  });

  it.each([0, -1, 1.5, 2 ** 53, undefined as never])('-1: the size is %s', (size) => {
    expect(winmmf.new(size, uniqueName(), LOCAL)).toBe(-1);
  });

  it.each(['', 'a\0b', '\ud800', 7 as never])('-2: the name is %j', (name) => {
    expect(winmmf.new(1, name, LOCAL)).toBe(-2);
  });

  it.each([3, -1, undefined])('-3: the namespace is %s', (namespace) => {
    expect(winmmf.new(1, uniqueName(), namespace as never)).toBe(-3);
  });

  it('-4: could not be opened, since the name is taken', () => {
    const name = uniqueName();
    winmmf.new(1, name, LOCAL);
    expect(winmmf.new(1, name, LOCAL)).toBe(-4);
    expect(winmmf.new(1, name, GLOBAL)).toBe(2);
  });

  it('-5: could not be stored, since init left no room', () => {
    winmmf.init(1);
    winmmf.new(1, uniqueName(), LOCAL);
    expect(winmmf.new(1, uniqueName(), LOCAL)).toBe(-5);
  });
});

describe.each(['open', 'open_ro'] as const)('%s', (open) => {
  it('the new handle, which is the default', () => {
    const name = uniqueName();
    winmmf.new(10, name, LOCAL);
    winmmf.write(undefined, bytes('hello'));
    expect(winmmf[open](10, name, LOCAL)).toBe(2);
    expect(Buffer.from(winmmf.read(undefined, 5)).toString()).toBe('hello');
  });

  it.each([0, undefined])('size %s: the real size', (size) => {
    const name = uniqueName();
    winmmf.new(10, name, LOCAL);
    winmmf[open](size, name, LOCAL);
    expect(winmmf.read()).toHaveLength(10);
  });

  it('-1, -2, -3, -4, -5: as for new', () => {
    const name = uniqueName();
    winmmf.init(1);
    expect(winmmf[open](-1, name, LOCAL)).toBe(-1);
    expect(winmmf[open](0, '', LOCAL)).toBe(-2);
    expect(winmmf[open](0, name, 9 as never)).toBe(-3);
    expect(winmmf[open](0, name, LOCAL)).toBe(-4);
    winmmf.new(10, name, LOCAL);
    expect(winmmf[open](0, name, LOCAL)).toBe(-5);
  });

  it('-4: larger than what is there, which is not trusted', () => {
    const name = uniqueName();
    winmmf.new(10, name, LOCAL);
    expect(winmmf[open](11, name, LOCAL)).toBe(-4);
  });
});

describe('read', () => {
  it('count bytes, or everything with 0, in memory of its own', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    winmmf.write(1, bytes('hello'));
    const result = winmmf.read(1, 0);
    winmmf.write(1, bytes('J'));
    expect(Buffer.from(result).toString()).toBe('hello');
    expect(Buffer.from(winmmf.read(1, 2)).toString()).toBe('Je');
  });

  it.each([
    ['UNINITIALIZED', () => {}],
    ['CLOSED', () => winmmf.init()],
    ['CLOSED', () => winmmf.close(winmmf.new(1, uniqueName(), LOCAL))],
  ])('throws %s', (code, prepare) => {
    prepare();
    expect(() => winmmf.read()).toThrow(expect.objectContaining({ code }));
  });

  it('throws on an unknown handle and on a count beyond the mapping', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    expect(() => winmmf.read(9)).toThrow(/handle 9/);
    expect(() => winmmf.read(1, 6)).toThrow(/from 0 to 5, not 6/);
  });
});

describe('read_buf', () => {
  it('0: into the buffer of the caller', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    winmmf.write(1, bytes('hello'));
    const buffer = new Uint8Array(4).fill(1);
    expect(winmmf.read_buf(undefined, 2, buffer)).toBe(0);
    expect(buffer).toEqual(Uint8Array.of(104, 101, 1, 1));
  });

  it('-1: nothing opened', () => {
    winmmf.init();
    expect(winmmf.read_buf(undefined, 1, new Uint8Array(1))).toBe(-1);
  });

  it('-2: closed', () => {
    winmmf.close(winmmf.new(5, uniqueName(), LOCAL));
    expect(winmmf.read_buf(1, 1, new Uint8Array(1))).toBe(-2);
    expect(winmmf.read_buf(undefined, 1, new Uint8Array(1))).toBe(-2);
  });

  it('-3: not initialised', () => expect(winmmf.read_buf(1, 1, new Uint8Array(1))).toBe(-3));

  it('-4: anything else', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    expect(winmmf.read_buf(9, 1, new Uint8Array(1))).toBe(-4);
    expect(winmmf.read_buf(1, 6, new Uint8Array(9))).toBe(-4);
    expect(winmmf.read_buf(1, 2, new Uint8Array(1))).toBe(-4);
    expect(winmmf.read_buf(1, 2, 'text' as never)).toBe(-4);
  });
});

describe('write', () => {
  it('0: from the start, leaving what is behind', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    expect(winmmf.write(undefined, bytes('hello'))).toBe(0);
    expect(winmmf.write(1, bytes('Jxxxx'), 1)).toBe(0);
    expect(Buffer.from(winmmf.read()).toString()).toBe('Jello');
  });

  it('-1: read-only, or closed', () => {
    const name = uniqueName();
    winmmf.new(5, name, LOCAL);
    winmmf.open_ro(0, name, LOCAL);
    expect(winmmf.write(2, bytes('x'))).toBe(-1);
    winmmf.close(1);
    expect(winmmf.write(1, bytes('x'))).toBe(-1);
  });

  it('-2: larger than the mapping', () => {
    winmmf.new(2, uniqueName(), LOCAL);
    expect(winmmf.write(1, bytes('xyz'))).toBe(-2);
  });

  it('-3: uninitialised', () => expect(winmmf.write(1, bytes('x'))).toBe(-3));

  it('-4: locked', () => {
    const name = uniqueName();
    winmmf.new(2, name, LOCAL);
    using holder = MemoryMappedFile.open(name);
    holder.lock.tryAcquire('read');
    expect(winmmf.write(1, bytes('x'))).toBe(-4);
    holder.lock.release('read');
    expect(winmmf.write(1, bytes('x'))).toBe(0);
  });

  it('-5: misuse', () => {
    winmmf.new(2, uniqueName(), LOCAL);
    expect(winmmf.write(1, 'text' as never)).toBe(-5);
    expect(winmmf.write(1, bytes('x'), 2)).toBe(-5);
    expect(winmmf.write(1, bytes('x'), -1)).toBe(-5);
    expect(winmmf.write(7, bytes('x'))).toBe(-5);
  });
});

describe('free_result and free_raw', () => {
  it('leave nothing to use, also when called twice', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    const [first, second] = [winmmf.read(), winmmf.read()];
    winmmf.free_result(undefined, first);
    winmmf.free_result(1, first);
    winmmf.free_raw(second, 5);
    winmmf.free_raw(second, 5);
    expect([first.length, second.length, first[0]]).toEqual([0, 0, undefined]);
    expect(winmmf.read()).toHaveLength(5);
  });

  it('refuse a wrong size and what is no result', () => {
    winmmf.new(5, uniqueName(), LOCAL);
    const result = winmmf.read();
    expect(() => winmmf.free_raw(result, 4)).toThrow(/5 bytes, not 4/);
    expect(() => winmmf.free_result(1, 7 as never)).toThrow(/Uint8Array/);
    expect(result).toHaveLength(5);
  });
});

describe('close', () => {
  it('drops that handle only: the others keep theirs, and the data lives while another process holds it', () => {
    const name = uniqueName();
    winmmf.new(5, name, LOCAL);
    winmmf.open(0, name, LOCAL);
    winmmf.new(7, uniqueName(), LOCAL);
    winmmf.write(1, bytes('hello'));
    winmmf.close(1);
    expect(Buffer.from(winmmf.read(2)).toString()).toBe('hello');
    expect(winmmf.read(3)).toHaveLength(7);
    winmmf.close(2);
    expect(winmmf.open(0, name, LOCAL)).toBe(-4);
  });

  it('of the default makes the newest the default; of nothing does nothing', () => {
    winmmf.close();
    winmmf.new(5, uniqueName(), LOCAL);
    winmmf.new(7, uniqueName(), LOCAL);
    winmmf.close();
    expect(winmmf.read()).toHaveLength(5);
    winmmf.close(2);
    winmmf.close(99);
    expect(winmmf.read()).toHaveLength(5);
  });
});

describe('select_default', () => {
  it('the selected handle', () => {
    for (const size of [1, 2, 3]) winmmf.new(size, uniqueName(), LOCAL);
    expect(winmmf.select_default(2)).toBe(2);
    expect(winmmf.read()).toHaveLength(2);
  });

  it.each([0, undefined, 99, -1])('%s: the newest', (handle) => {
    for (const size of [1, 2, 3]) winmmf.new(size, uniqueName(), LOCAL);
    winmmf.close(3);
    expect(winmmf.select_default(handle)).toBe(2);
  });

  it('-1: nothing initialised', () => expect(winmmf.select_default(1)).toBe(-1));
});
