// The program that the bundlers are given: every part of mmfbus that a bundle may break.
import { defineChannel, f64, MmfError, msgpack, string, struct } from 'mmfbus';

async function sendOnce(channel, value) {
  const subscriber = await channel.subscriber();
  const publisher = await channel.publisher();
  await publisher.publish(value);
  for await (const message of subscriber) {
    console.log(JSON.stringify(message.value));
    break;
  }
  await publisher.close();
  await subscriber.close();
}

async function main() {
  const name = process.argv[2];
  const schema = struct({ symbol: string(), price: f64() });
  await sendOnce(defineChannel({ name, schema }), { symbol: 'ABC', price: 187.25 });
  await sendOnce(defineChannel({ name, codec: msgpack() }), { symbol: 'ABC', tags: [1, 'a'] });
}

main().catch((error) => {
  console.log(error instanceof MmfError && error.code, error.message);
  process.exitCode = 1;
});
