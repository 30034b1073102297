// Shows what the sensor, a C program, measures. See ../README.md.
import { defineChannel } from '@mmfbus/channel';
import { reading } from './shapes.js';

const KiB = 1024;

const readings = defineChannel({ name: 'readings', schema: reading, capacity: 64 * KiB });
const subscriber = await readings.subscriber({ start: 'earliest' });

for await (const { sequence, value } of subscriber) {
  console.log(`${sequence} ${value.sensor} ${value.celsius.toFixed(1)} °C`);
  if (value.last) break;
}
await subscriber.close();
