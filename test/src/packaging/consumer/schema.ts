// A user's program that lives by the types of a schema. It is compiled, and not run.
import { type Channel, defineChannel, f64, type Infer, type Message, optional, string, struct } from 'mmfbus';

export async function useTypes(): Promise<number | undefined> {
  const schema = struct({ symbol: string(), price: f64(), note: optional(string()) });
  type Price = Infer<typeof schema>;
  const price: Price = { symbol: 'ABC', price: 187.25 };
  const prices: Channel<Price> = defineChannel({ name: 'prices', schema });

  const publisher = await prices.publisher();
  await publisher.publish(price);
  await publisher.publish({ ...price, note: 'late' });
  // @ts-expect-error: a number is no string
  await publisher.publish({ symbol: 1, price: 187.25 });

  const subscriber = await prices.subscriber();
  for await (const message of subscriber) {
    const { value }: Message<Price> = message;
    // @ts-expect-error: there is no such field
    void value.currency;
    const { note }: { readonly note?: string | undefined } = value;
    return note?.length ?? value.price;
  }
  const result = await subscriber[Symbol.asyncIterator]().next();
  return result.done === true ? result.value : result.value.value.price;
}
