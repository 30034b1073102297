import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ChannelError } from '@mmfbus/channel';
import { CodecError } from '@mmfbus/codec';
import { MmfError } from '@mmfbus/core';
import { DeclaredError, defineService, method, ServiceError } from '@mmfbus/service';
import { describe, expect, it } from 'vitest';
import { secondCopyOf } from '../support/second-copy.js';

const copies = (['channel', 'codec', 'core', 'service'] as const).map((name) =>
  pathToFileURL(join(secondCopyOf(name), 'dist', 'index.js')),
);

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('errors of another copy of a package', () => {
  it('are instances of this one’s classes, but of none that extends them', async () => {
    const [channel, codec, core, service] = await Promise.all(copies.map((url) => import(url.href)));
    const errors = [
      thrownBy(() => channel.defineChannel({ name: '' })),
      thrownBy(() => codec.raw({ copy: 1 })),
      thrownBy(() => core.MemoryMappedFile.open('')),
      thrownBy(() => service.defineService({ name: '' })),
      new service.DeclaredError('calc', 'add', 'OVERFLOW', undefined),
    ];
    const classes = [ChannelError, CodecError, MmfError, ServiceError, DeclaredError];
    const found = errors.map((error) => classes.map((one) => error instanceof one));
    expect(found).toEqual([
      [true, false, false, false, false],
      [false, true, false, false, false],
      [false, false, true, false, false],
      [false, false, false, true, false],
      [false, false, false, false, true],
    ]);
    for (const [index, error] of errors.entries()) {
      expect(error?.constructor).not.toBe(classes[index]);
    }
    class Mine extends ChannelError {}
    expect(errors[0] instanceof Mine).toBe(false);
    expect(new Mine('CLOSED', 'a', 'b') instanceof Mine).toBe(true);
    expect(new Mine('CLOSED', 'a', 'b') instanceof ChannelError).toBe(true);
    for (const value of [undefined, null, 1, 'a', {}, new Error('a')]) {
      expect(value instanceof ChannelError).toBe(false);
    }
  });

  it('are declared errors of a service that both copies define', async () => {
    const [, , , service] = await Promise.all(copies.map((url) => import(url.href)));
    class Mine extends DeclaredError {}
    const calc = defineService({
      name: 'calc',
      // Also a method that another copy has made.
      methods: {
        add: service.method({ output: service.nothing(), errors: { CLOSED: service.nothing() } }),
        ping: method(),
      },
    });
    const error = new service.DeclaredError('calc', 'add', 'CLOSED', undefined);
    expect(calc.isError(error)).toBe(true);
    expect(error instanceof Mine).toBe(false);
    expect(new Mine('calc', 'add', 'CLOSED', undefined) instanceof Mine).toBe(true);
    expect(calc.isError(new Mine('calc', 'add', 'CLOSED', undefined))).toBe(true);
  });
});
