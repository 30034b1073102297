import { defineChannel } from 'mmfbus';

const readings = defineChannel({ name: 'c-readings' });
const subscriber = await readings.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) console.log(`${value.sensor}: ${value.celsius.toFixed(1)} °C`);
