#!/usr/bin/env node
// Publishes every flight of the file on the channel, then waits until all subscribers have them.
import type { Publisher } from '@mmfbus/channel';
import { Progress } from '@mmfbus/terminal';
import { type Flight, flightsChannel } from './channel.js';
import { Checksum } from './checksum.js';
import { PUBLISHING_HELP, type PublishingOptions, parsePublishing } from './command-line.js';
import { readFlights } from './flights-file.js';
import { isLaunched, type Result, tellLauncher } from './launcher-link.js';
import { Pace } from './pace.js';
import { runProgram } from './program.js';
import { count, rate } from './units.js';

const HELP = `Usage: node publisher.js [options]

Publishes all flights of flights-200k.json on a channel. Start the subscribers first: one that
joins later gets only what is published from then on.

${PUBLISHING_HELP}`;

/** Publishes them all, and tells how that went. */
async function publishAll(
  publisher: Publisher<Flight>,
  flights: readonly Flight[],
  { slow, repeat }: PublishingOptions,
  stop: AbortSignal,
): Promise<Result> {
  const total = flights.length * repeat;
  const checksum = new Checksum();
  const pace = new Pace(slow);
  const progress = new Progress('published', total);
  const start = performance.now();
  let sent = 0;
  try {
    while (sent < total) {
      const end = Math.min(sent + pace.batch, total);
      for (; sent < end; sent++) {
        const flight = flights[sent % flights.length]!;
        // Almost always there is room, and no promise is needed.
        if (publisher.tryPublish(flight) !== 'published') await publisher.publish(flight, { signal: stop });
        checksum.add(flight);
      }
      progress.update(sent);
      await pace.pause(sent, stop);
    }
  } finally {
    progress.end(sent);
  }
  return { count: sent, checksum: checksum.value, seconds: (performance.now() - start) / 1000 };
}

await runProgram('publisher', async (args, stop) => {
  const options = parsePublishing(args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const flights = readFlights();
  const publisher = await flightsChannel(options.channel).publisher({ name: 'publisher' });
  try {
    if (!isLaunched) {
      console.log(`publisher ${process.pid} has joined the channel ${options.channel}.`);
      console.log('Only subscribers that have joined before this line get every flight.');
    }
    await tellLauncher({ kind: 'joined' });
    const result = await publishAll(publisher, flights, options, stop);
    await publisher.drain({ signal: stop });
    await tellLauncher({ kind: 'result', result });
    if (!isLaunched) {
      const perSecond = count(rate(result.count, result.seconds));
      console.log(`${count(result.count)} messages, checksum ${result.checksum}, ${perSecond} a second;`);
      console.log('every subscriber that was there has them.');
    }
    return 0;
  } finally {
    await publisher.close();
  }
});
