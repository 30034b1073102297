// A user's program. The packaging test copies it into an empty project, where the packed packages are installed, checks
// its types there and runs it.
import { type Channel, defineChannel } from '@mmfbus/channel';
import { type Codec, json, msgpack, raw } from '@mmfbus/codec';
import { MemoryMappedFile, MmfError } from '@mmfbus/core';

interface Price {
  readonly symbol: string;
  readonly price: number;
}

const name = process.argv[2] ?? 'consumer';
const price: Price = { symbol: 'ABC', price: 187.25 };

function roundTrip<T>(codec: Codec<T>, value: T): T {
  const bytes = new Uint8Array(256);
  return codec.decode(bytes, 0, codec.encode(value, bytes, 0));
}

console.log('codec', roundTrip(msgpack<Price>(), price).price, roundTrip(json<Price>(), price).symbol);
console.log('raw', roundTrip(raw(), Uint8Array.of(1, 2, 3)).join(' '));

const memory = MemoryMappedFile.create(`${name}-memory`, 64);
memory.write(Uint8Array.of(4, 5, 6));
const other = MemoryMappedFile.openReadOnly(`${name}-memory`);
console.log('core', other.read(3).join(' '), other.isWritable);
other.close();
memory.close();
try {
  MemoryMappedFile.open(`${name}-memory`);
} catch (error) {
  console.log('core', error instanceof MmfError && error.code);
}

const channel: Channel<Price> = defineChannel<Price>({ name: `${name}-channel`, codec: msgpack<Price>() });
const subscriber = await channel.subscriber();
const publisher = await channel.publisher();
console.log('channel', publisher.tryPublish(price));
for await (const { value } of subscriber) {
  console.log('channel', value.symbol, value.price);
  break;
}
await publisher.close();
await subscriber.close();
