// Joins a channel, tells of names that were removed, and does what each line of its standard input says: `starve` takes every descriptor that the process may
// have, `feed` gives them back. Arguments: the channel, and `publisher` or `subscriber`.
import { subscribe } from 'node:diagnostics_channel';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { defineChannel, type Publisher } from '@mmfbus/channel';

const [, , name = '', role = ''] = process.argv;
const taken: number[] = [];
const channel = defineChannel<number>({ name, capacity: 4096, discoverable: false });

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function starve(): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    say('starving');
  }
}

subscribe('mmfbus:names-removed', (message) => say(`unnamed ${(message as { slot: number }).slot}`));
// What happens here must not happen with the publisher lock held.
subscribe('mmfbus:recovered', (message) => {
  say(`recovered ${(message as { what: string }).what} ${publisher?.tryPublish(8) ?? ''}`);
});
process.on('uncaughtException', ({ message }) => say(`uncaught ${message}`));
process.on('unhandledRejection', () => say('unhandled rejection'));

let publisher: Publisher<number> | undefined;
if (role === 'publisher') {
  publisher = await channel.publisher();
} else {
  const subscriber = await channel.subscriber({ pollWindow: 0 });
  subscriber.on('message', ({ value }) => say(`got ${value}`));
  subscriber.on('publishersGone', ({ reason }) => {
    say(`gone ${reason}`);
    throw new Error('as told');
  });
}
say('joined');

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'starve') starve();
  if (line === 'feed') for (const fd of taken.splice(0)) closeSync(fd);
  if (line === 'publish') say(publisher?.tryPublish(7) ?? '');
  if (line === 'fill') {
    let count = 0;
    while (publisher?.tryPublish(count) === 'published') count++;
    void publisher?.publish(count).then(() => say('made room'));
    say(`filled ${count}`);
  }
}
