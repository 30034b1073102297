import { calc } from './calc.js';

const client = await calc.client({ waitForServer: 5000 });
console.log('1 + 2 =', await client.add({ a: 1, b: 2 }));
console.log('1 / 4 =', await client.divide({ a: 1, b: 4 }, { timeout: 500 }));
try {
  await client.divide({ a: 1, b: 0 });
} catch (error) {
  if (!calc.isError(error, 'DIVISION_BY_ZERO')) throw error;
  console.log(`${error.data.a} cannot be divided by zero`);
}
await client.$close();
