/**
 * What happens, step by step, and in the end what arrived.
 *
 * @returns whether everything arrived, or was told as missing.
 */
export async function tell({ about, cutting, cut, mend, url, program, bridge }) {
  /** Messages that each bridge told as missing. */
  const told = { shop: 0, warehouse: 0 };
  const say = (text) => console.log(`  ${text}`);

  /** Shows what a bridge tells, which is one JSON object a line. */
  const follow = (machine) => (line) => {
    if (!line.startsWith('{')) return say(`bridge of the ${machine}: ${line}`);
    const { event, channel, count, reason } = JSON.parse(line);
    if (event === 'gap') {
      told[machine] += count;
      say(`bridge of the ${machine}: gap in ${channel}, ${count} messages are missing, reason: ${reason}`);
    }
    if (event === 'disconnected' || event === 'connected') say(`bridge of the ${machine}: ${event}`);
  };
  /** Has a program do something, and shows its answer. */
  const show = async (program, command, answer) => say((await program.ask(command, answer))[0]);
  const openBridge = async (machine) => {
    const opened = bridge(machine, follow(machine));
    await opened.line(/"event":"open"/);
    return opened;
  };

  console.log(about);
  await program('shop', 'stream.js', url).line(/^the stream TRADE is there$/);
  const shop = program('shop', 'shop.js');
  const warehouse = program('warehouse', 'warehouse.js');
  for (const one of [shop, warehouse]) await one.line(/^ready$/);
  await openBridge('shop');
  const first = await openBridge('warehouse');

  console.log('1. The shop orders, and the warehouse ships each order and measures temperatures.');
  await shop.ask('order 1000', /^ordered 1000$/);
  await warehouse.ask('measure 1000', /^measured 1000$/);
  await show(shop, 'shipments 1000', /^shipments .*$/);
  await show(shop, 'temperatures 1000', /^temperatures .*$/);
  await show(shop, 'ask-patiently bolt', /^stock of .*$/);

  console.log(`2. Now ${cutting}. Both machines go on: 1,000 orders, and 20,000 temperatures.`);
  await cut();
  await show(shop, 'order 1000', /^ordered .*$/);
  await show(warehouse, 'measure 20000', /^measured .*$/);
  await show(shop, 'ask nut', /^stock of .*$/);

  console.log('3. The link is there again.');
  await mend();
  await show(shop, 'shipments 2000', /^shipments .*$/);
  await warehouse.ask('measure 10', /^measured 21010$/);
  await show(shop, 'temperatures 21010', /^temperatures .*$/);
  await show(shop, 'ask-patiently washer', /^stock of .*$/);

  console.log(
    '4. The bridge of the warehouse is killed while 5,000 orders are on their way, and started again.',
  );
  shop.send('order 5000');
  await shop.ask('shipments 3000', /^shipments .*$/);
  await first.stop('SIGKILL');
  await openBridge('warehouse');
  await show(shop, 'shipments 7000', /^shipments .*$/);

  const [here, there] = [await totals(shop), await totals(warehouse)];
  console.log(row('', 'published', 'arrived', 'told as missing', 'checksums'));
  const isWhole = [
    compare('orders', here.orders, there.orders, 0),
    compare('shipments', there.shipments, here.shipments, 0),
    compare('temperatures', there.temperatures, here.temperatures, told.shop),
  ].every(Boolean);
  console.log(isWhole ? 'Nothing is lost silently, and nothing came twice.' : 'Something is wrong.');
  return isWhole;
}

/** Has a program end, and returns what it published and what it got. */
async function totals(program) {
  const [, json] = await program.ask('end', /^totals (.*)$/);
  return JSON.parse(json);
}

/** Shows what became of a channel. The numbers that its messages left out must be those that the bridge told of. */
function compare(name, published, arrived, told) {
  const isEqual = published.checksum === arrived.checksum;
  const checksums = isEqual ? `${arrived.checksum}, equal` : 'not comparable';
  console.log(row(name, published.count, arrived.count, told, checksums));
  const isWhole = arrived.count + told === published.count && arrived.missing === told;
  return isWhole && arrived.repeated === 0 && isEqual === (told === 0);
}

function row(name, ...cells) {
  return [name.padEnd(12), ...cells.map((cell) => cell.toLocaleString('en').padStart(18))].join('');
}
