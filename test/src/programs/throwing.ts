// Subscribes to a channel, and listens from the first line of its standard input on, to its end. Arguments: the channel; the
// event whose listener throws each time; and `catches` where uncaught exceptions are handled.
import { defineChannel } from '@mmfbus/channel';

const [, , name = '', thrower = '', catches = ''] = process.argv;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function hear(event: string, what: unknown): void {
  say(`${event} ${what}`);
  if (event === thrower) throw new Error('as told');
}

process.on('uncaughtExceptionMonitor', ({ message }, origin) => say(`${origin} ${message}`));
if (catches === 'catches') process.on('uncaughtException', () => {});

const channel = defineChannel<number>({ name, capacity: 4096, discoverable: false });
const delivery = thrower === 'gap' ? 'lossy' : 'reliable';
const subscriber = await channel.subscriber({ delivery, pollWindow: 0 });
process.stdin.once('data', () => {
  subscriber.on('message', ({ value }) => hear('message', value));
  subscriber.on('gap', ({ from, to }) => hear('gap', `${from} ${to}`));
  subscriber.on('publishersGone', ({ reason }) => hear('gone', reason));
});
process.stdin.on('end', () => void subscriber.close());
say('joined');
