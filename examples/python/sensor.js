import { defineChannel, json } from 'mmfbus';

const measurements = defineChannel({ name: 'python-measurements', codec: json() });
const publisher = await measurements.publisher();
await publisher.waitForSubscribers();
for (const celsius of [60, 60.5, 61.5, 62]) await publisher.publish({ celsius });
await publisher.drain();
