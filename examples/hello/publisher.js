import { defineChannel, string } from 'mmfbus';

const greetings = defineChannel({ name: 'greetings', schema: string() });
const publisher = await greetings.publisher();
await publisher.waitForSubscribers();
await publisher.publish('hello');
await publisher.publish('world');
await publisher.drain(); // waits until the subscriber has handled both, and closes
