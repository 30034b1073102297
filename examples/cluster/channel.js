import { defineChannel, string, struct, u32 } from 'mmfbus';

export const logs = defineChannel({
  name: 'cluster-logs',
  schema: struct({ worker: u32(), line: string() }),
});
