import { defineChannel, string } from 'mmfbus';

const greetings = defineChannel({ name: 'greetings', schema: string() });
const subscriber = await greetings.subscriber({ closeWithPublishers: true });
for await (const { sequence, value } of subscriber) console.log(`${sequence}: ${value}`);
