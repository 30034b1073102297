import { defineChannel, raw } from 'mmfbus';

const lines = defineChannel({ name: 'rust-lines', codec: raw() });
const publisher = await lines.publisher();
await publisher.waitForSubscribers();
for (const line of ['To be, or not to be,', 'that is the question.'])
  await publisher.publish(Buffer.from(line));
await publisher.drain();
