import { defineChannel, f64, struct } from 'mmfbus';

export const loads = defineChannel({ name: 'loads', schema: struct({ load: f64(), freeMiB: f64() }) });
