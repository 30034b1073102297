import { defineChannel, string, struct, u32 } from 'mmfbus';

export const jobs = defineChannel({ name: 'jobs', schema: struct({ id: u32(), file: string() }) });
