import { defineChannel, string } from 'mmfbus';

export const scores = defineChannel({ name: 'scores', schema: string(), history: 3, maxMessage: 1000 });
