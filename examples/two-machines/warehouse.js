// Ships what is ordered. Commands, from its command line and then from its standard input: measure COUNT, end.
import { commands } from './commands.js';
import { Tally } from './tally.js';
import { orders, shipments, stock, temperatures } from './trade.js';

const SHELVES = { bolt: 500, nut: 400, washer: 1000 };
const [ordered, shipped, measured] = [new Tally(), new Tally(), new Tally()];

const shipper = await shipments.publisher();
const thermometer = await temperatures.publisher();
const server = await stock.serve({ count: (item) => SHELVES[item] ?? 0 });
// Also what the bridge imported before this program joined.
const subscriber = await orders.subscriber({ start: 'earliest' });

/** Ships each order, in order, until the subscriber is closed. */
async function ship() {
  for await (const { value } of subscriber) {
    ordered.add(value.id, value);
    const shipment = { order: value.id };
    shipped.add(value.id, shipment);
    await shipper.publish(shipment);
  }
}

const shipping = ship();
console.log('ready');
await commands({
  async measure(count) {
    for (let left = Number(count); left > 0; left--) {
      const number = measured.count + 1;
      const temperature = { number, celsius: 4 + (number % 10) / 10 };
      measured.add(number, temperature);
      await thermometer.publish(temperature);
    }
    console.log(`measured ${measured.count}`);
  },
});

console.log(`totals ${JSON.stringify({ orders: ordered, shipments: shipped, temperatures: measured })}`);
await server.drain();
await subscriber.close();
await shipping;
await Promise.all([shipper.close(), thermometer.close()]);
