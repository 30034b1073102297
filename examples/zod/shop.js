import { ChannelError } from 'mmfbus';
import { orders } from './channel.js';

const publisher = await orders.publisher();
await publisher.waitForSubscribers();
await publisher.publish({ email: 'ada@example.org', amount: 3 });
await publisher.flush();
try {
  await publisher.publish({ email: 'ada', amount: -1 });
} catch (error) {
  if (!(error instanceof ChannelError)) throw error;
  console.log(`refused: ${error.message}`);
}
await publisher.drain();
