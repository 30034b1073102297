// Shows what the sensor, a C program, measures. See examples/native/README.md.
import { defineChannel, KiB } from '@mmfbus/channel';
import { reading } from './shapes.js';

const readings = defineChannel({ name: 'readings', shape: reading, capacity: 64 * KiB });
const subscriber = await readings.subscriber({ start: 'earliest' });

for await (const { sequence, value } of subscriber) {
  console.log(`${sequence} ${value.sensor} ${value.celsius.toFixed(1)} °C`);
  if (value.last) break;
}
await subscriber.close();
