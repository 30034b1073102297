import {
  type AnswerStream,
  type Client,
  defineService,
  type Handlers,
  method,
  stream,
} from '@mmfbus/service';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

describe('other validators', () => {
  const shop = defineService({
    name: 'shop',
    methods: {
      order: method({
        input: z.object({ id: z.number(), count: z.number().default(1) }),
        output: v.object({ total: v.number() }),
        errors: { SOLD_OUT: type({ since: 'string' }) },
      }),
      watch: method({ input: type('string'), output: stream(z.object({ left: z.number() })) }),
    },
  });

  it('give their types, also where what they take is wider than what they make of it', () => {
    type C = Client<typeof shop>;
    type H = Handlers<typeof shop>;
    expectTypeOf<Parameters<C['order']>[0]>().toEqualTypeOf<{ id: number; count?: number | undefined }>();
    expectTypeOf<Parameters<H['order']>[0]>().toEqualTypeOf<{ id: number; count: number }>();
    expectTypeOf<ReturnType<C['order']>>().toEqualTypeOf<Promise<{ total: number }>>();
    expectTypeOf<ReturnType<C['watch']>>().toEqualTypeOf<AnswerStream<{ left: number }>>();
    const error: unknown = undefined;
    if (shop.isError(error, 'SOLD_OUT')) expectTypeOf(error.data).toEqualTypeOf<{ since: string }>();
    expect(shop.contract.methods.get('order')?.input.isValidated).toBe(true);
  });
});
