import { describe, pictures } from './channel.js';

const subscriber = await pictures.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) console.log(`received ${describe(value)}`);
