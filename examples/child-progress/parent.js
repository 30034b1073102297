import { spawn } from 'node:child_process';
import { progress } from './channel.js';

const subscriber = await progress.subscriber({ closeWithPublishers: { timeout: 30_000 } });
spawn(process.execPath, ['child.js'], { stdio: 'inherit' });

for await (const { value } of subscriber) {
  const { done, of, bytes } = value;
  console.log(`${'#'.repeat(done)}${'.'.repeat(of - done)} ${bytes} bytes compressed`);
}
// `left`: it closed its channel. `died`: it was killed. `timeout`: it never joined.
const { reason } = await subscriber.closed;
console.log(`the child has ${reason}`);
