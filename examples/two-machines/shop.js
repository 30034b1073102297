// Commands, from its command line and then from its standard input:
// order COUNT, shipments NUMBER, temperatures NUMBER, ask ITEM, ask-patiently ITEM, end.
import { commands } from './commands.js';
import { Tally } from './tally.js';
import { orders, shipments, stock, temperatures } from './trade.js';

const ITEMS = ['bolt', 'nut', 'washer'];
const [ordered, shipped, measured] = [new Tally(), new Tally(), new Tally()];

const publisher = await orders.publisher();
// Also shipments that the bridge imported before this program joined.
const subscribers = [await shipments.subscriber({ start: 'earliest' }), await temperatures.subscriber()];
subscribers[0].on('message', ({ value }) => shipped.add(value.order, value));
subscribers[1].on('message', ({ value }) => measured.add(value.number, value));
const client = await stock.client();
const patient = await stock.client({ waitForServer: 60_000 });

async function ask(client, item) {
  try {
    console.log(`stock of ${item}: ${await client.count(item)}`);
  } catch (error) {
    console.log(`stock of ${item}: ${error.code}, started: ${error.started}`);
  }
}

console.log('ready');
await commands({
  async order(count) {
    for (let left = Number(count); left > 0; left--) {
      const id = ordered.count + 1;
      const order = { id, item: ITEMS[id % ITEMS.length], quantity: 1 + (id % 9) };
      ordered.add(id, order);
      await publisher.publish(order);
    }
    console.log(`ordered ${ordered.count}`);
  },
  async shipments(number) {
    await shipped.reached(Number(number));
    console.log(`shipments ${shipped.count}`);
  },
  async temperatures(number) {
    await measured.reached(Number(number));
    console.log(`temperatures ${measured.count}`);
  },
  ask: (item) => ask(client, item),
  'ask-patiently': (item) => ask(patient, item),
});

console.log(`totals ${JSON.stringify({ orders: ordered, shipments: shipped, temperatures: measured })}`);
await Promise.all([client.$close(), patient.$close()]);
await Promise.all([publisher, ...subscribers].map((participant) => participant.close()));
