// A user's program in CommonJS, as `consumer.ts` is one in an ES module.
import { defineChannel, f64, type Infer, MmfError, string, struct } from 'mmfbus';

import * as codec from 'mmfbus/codec';
import * as core from 'mmfbus/core';

const schema = struct({ symbol: string(), price: f64() });
type Price = Infer<typeof schema>;

const name = process.argv[2] ?? 'required';

async function main(): Promise<void> {
  const channel = defineChannel({ name, schema });
  const subscriber = await channel.subscriber();
  const publisher = await channel.publisher();
  const price: Price = { symbol: 'ABC', price: 187.25 };
  await publisher.publish(price);
  for await (const { value } of subscriber) {
    console.log(value.symbol, value.price);
    break;
  }
  await publisher.close();
  await subscriber.close();
  try {
    core.MemoryMappedFile.open(`${name}-memory`);
  } catch (error) {
    console.log(error instanceof MmfError && error.code);
  }
  console.log(codec.struct === struct);
}

void main();
