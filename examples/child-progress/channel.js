import { defineChannel, struct, u32 } from 'mmfbus';

export const progress = defineChannel({
  name: 'progress',
  schema: struct({ done: u32(), of: u32(), bytes: u32() }),
});
