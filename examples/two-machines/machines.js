import { spawnSync } from 'node:child_process';

/** Address of the shop, where nats-server runs, and of the warehouse. */
const [SHOP, WAREHOUSE] = ['10.0.0.1', '10.0.0.2'];

function run(...words) {
  // Detached, so that Ctrl-C does not end it half-way.
  const options = { encoding: 'utf8', detached: true };
  const { error, status, stderr } = spawnSync(words[0], words.slice(1), options);
  if (error !== undefined || status !== 0) {
    throw new Error(`${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
  }
}

/** Two machines, as far as the network is concerned: network namespaces of Linux with a cable between them, which reaches nothing else. */
export function twoNamespaces() {
  const names = { shop: `mmfbus-shop-${process.pid}`, warehouse: `mmfbus-warehouse-${process.pid}` };
  const made = [];
  const inShop = (...words) => run('ip', '-n', names.shop, ...words);
  const inWarehouse = (...words) => run('ip', '-n', names.warehouse, ...words);
  const machines = {
    address: SHOP,
    about: `Two network namespaces, ${names.shop} and ${names.warehouse}, with a cable between them.`,
    cutting: 'the cable is pulled (ip link set down)',
    within: (machine) => ['ip', 'netns', 'exec', names[machine]],
    cut: () => inShop('link', 'set', 'cable', 'down'),
    mend: () => inShop('link', 'set', 'cable', 'up'),
    /** The cable goes with its ends. */
    remove: () => made.splice(0).forEach((name) => void run('ip', 'netns', 'del', name)),
  };
  try {
    for (const name of Object.values(names)) {
      run('ip', 'netns', 'add', name);
      made.push(name);
    }
    inShop('link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', names.warehouse);
    inShop('addr', 'add', `${SHOP}/24`, 'dev', 'cable');
    inWarehouse('addr', 'add', `${WAREHOUSE}/24`, 'dev', 'cable');
    for (const inMachine of [inShop, inWarehouse]) {
      for (const device of ['lo', 'cable']) inMachine('link', 'set', device, 'up');
    }
  } catch (error) {
    machines.remove();
    throw error;
  }
  return machines;
}
