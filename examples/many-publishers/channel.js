import { defineChannel, f64, string, struct } from 'mmfbus';

export const readings = defineChannel({
  name: 'readings',
  schema: struct({ room: string(), celsius: f64() }),
});
