// A program in CommonJS: sends one message, and meets one error of each package that throws its own.
const { ChannelError, defineChannel } = require('@mmfbus/channel');
const { f64, string, struct } = require('@mmfbus/codec');
const { MemoryMappedFile, MmfError } = require('@mmfbus/core');

const name = `required-${process.pid}`;
const schema = struct({ symbol: string(), price: f64() });

async function main() {
  const channel = defineChannel({ name, schema });
  const subscriber = await channel.subscriber();
  const publisher = await channel.publisher();
  await publisher.publish({ symbol: 'ABC', price: 187.25 });
  for await (const { value } of subscriber) {
    console.log(value.symbol, value.price);
    break;
  }
  try {
    MemoryMappedFile.open(`${name}-none`);
  } catch (error) {
    if (error instanceof MmfError) console.log(error.code);
  }
  await defineChannel({ name, schema: f64() })
    .publisher()
    .catch((error) => {
      if (error instanceof ChannelError) console.log(error.code);
    });
  await publisher.close();
  await subscriber.close();
}

void main();
