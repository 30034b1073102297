import { fork } from 'node:child_process';
import { once } from 'node:events';
import { shop } from './shop.js';

const servers = [fork('server.js'), fork('server.js')];
await Promise.all(servers.map((server) => once(server, 'message')));
const client = await shop.client();

/** Makes 20,000 calls, 50 at a time, and kills a server in the middle. */
async function callWhileKilling(call, server) {
  const outcomes = { answered: 0, maybe: 0, never: 0 };
  let left = 20_000;
  const work = async () => {
    while (left-- > 0) {
      if (left === 10_000) server.kill('SIGKILL');
      try {
        await call('teapot');
        outcomes.answered++;
      } catch (error) {
        if (error.code !== 'SERVER_DIED') throw error;
        outcomes[error.started === 'maybe' ? 'maybe' : 'never']++;
      }
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return outcomes;
}

console.log('price:', await callWhileKilling(client.price, servers[0]));
servers.push(fork('server.js'));
await once(servers[2], 'message');
const { answered, maybe, never } = await callWhileKilling(client.buy, servers[1]);
console.log(`buy: ${answered + maybe} answered or told that it may have run, ${never} lost`);
await client.$close();
servers[2].kill();
