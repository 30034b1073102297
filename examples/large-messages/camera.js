import { describe, pictures } from './channel.js';

// 3840 × 2160 pixels of 4 bytes.
const picture = new Uint8Array(3840 * 2160 * 4).map((_, index) => index ^ (index >> 8));

const publisher = await pictures.publisher();
await publisher.waitForSubscribers();
console.log(`sending  ${describe(picture)}`);
await publisher.publish(picture); // splits it, and waits for room
await publisher.drain();
