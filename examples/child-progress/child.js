import { gzipSync } from 'node:zlib';
import { progress } from './channel.js';

const publisher = await progress.publisher();
const part = 'GET /prices 200 1532\n'.repeat(100_000);
for (let done = 1; done <= 5; done++) {
  gzipSync(part);
  await publisher.publish({ done, of: 5, bytes: done * part.length });
}
await publisher.drain();
