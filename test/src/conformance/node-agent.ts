// The conformance agent in Node. The protocol is said in README.md.
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type {
  ChannelOptions,
  Message,
  Publisher,
  Start,
  StartAfter,
  Subscriber,
  SubscriberOptions,
} from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { contentOf, digestOf } from './content.js';

let fatalStep = '';
let stepsLeft = 0;
let millisecondsACopy = 0;
(globalThis as Record<symbol, unknown>)[Symbol.for('mmfbus.steps')] = (step: string) => {
  if (step === 'read: copied' && millisecondsACopy > 0) {
    const end = performance.now() + millisecondsACopy;
    while (performance.now() < end);
  }
  if (stepsLeft === 0 || step !== fatalStep || --stepsLeft > 0) return;
  process.kill(process.pid, 'SIGKILL');
};
// Steps are told to a hook that was there before the package.
const { defineChannel } = await import('@mmfbus/channel');

let publisher: Publisher<Uint8Array> | undefined;
let subscriber: Subscriber<Uint8Array> | undefined;

/** Something that the subscriber has told and no command has asked for yet. */
interface Told {
  readonly line: string;
  /** How many numbers it accounts for. */
  readonly numbers: number;
}

const told: Told[] = [];
/** Descriptors. */
const taken: number[] = [];
let onTold: () => void = () => {};
/** Whether messages arrive by themselves: from the first `receive` on. */
let isFlowing = false;

function say(...words: readonly (string | number)[]): void {
  process.stdout.write(`${words.join(' ')}\n`);
}

function definitionOf(name: string, options: ReadonlyMap<string, string>): ChannelOptions<Uint8Array> {
  const number = (key: string) => (options.has(key) ? Number(options.get(key)) : undefined);
  return {
    name,
    codec: raw(),
    capacity: number('capacity'),
    history: number('history'),
    maxMessage: number('maxMessage'),
    maxParticipants: number('participants'),
    scope: options.get('scope') as ChannelOptions<Uint8Array>['scope'],
    mode: options.has('mode') ? Number.parseInt(options.get('mode')!, 8) : undefined,
    group: number('group'),
  };
}

function startOf(text: string | undefined): Start | undefined {
  const [word, incarnation, sequence, otherwise] = (text ?? '').split(':');
  if (word !== 'after' || incarnation === undefined) return text as Start | undefined;
  const after = { incarnation, sequence: Number(sequence) };
  return { after, otherwise: otherwise as StartAfter['otherwise'] };
}

function tell(line: string, numbers: number): void {
  told.push({ line, numbers });
  onTold();
}

function tellMessage({ value, sequence }: Message<Uint8Array>): void {
  tell(`message ${sequence} ${value.length} ${digestOf(value)}`, 1);
}

async function subscribe(name: string, options: ReadonlyMap<string, string>): Promise<void> {
  const delivery = options.get('delivery') as SubscriberOptions['delivery'];
  const start = startOf(options.get('start'));
  const joined = await defineChannel(definitionOf(name, options)).subscriber({
    name: options.get('name'),
    delivery,
    start: start ?? 'latest',
  });
  subscriber = joined;
  joined.on('gap', ({ from, to, count }) => tell(`gap ${from} ${to}`, count));
  if (options.get('publisherEvents') === 'yes') {
    joined.on('publisherJoined', ({ name }) => tell(`joined ${name}`, 0));
    joined.on('publisherLeft', ({ name, reason, remaining }) =>
      tell(`left ${name} ${reason} ${remaining}`, 0),
    );
  }
  joined.on('publishersGone', ({ reason }) => tell(`gone ${reason}`, Number.POSITIVE_INFINITY));
  joined.on('close', ({ reason }) => {
    if (reason !== 'local') tell(reason, Number.POSITIVE_INFINITY);
  });
  joined.on('error', (error) => tell(`error ${error.message}`, Number.POSITIVE_INFINITY));
}

async function receive(numbers: number): Promise<void> {
  if (!isFlowing) subscriber!.on('message', tellMessage);
  isFlowing = true;
  for (let accounted = 0; accounted < numbers; ) {
    const next = told.shift();
    if (next === undefined) {
      await new Promise<void>((resolve) => {
        onTold = resolve;
      });
    } else {
      say(next.line);
      accounted += next.numbers;
    }
  }
}

/** Everything there is, without waiting. */
function take(): void {
  if (!isFlowing) subscriber!.poll(tellMessage);
  for (const { line } of told.splice(0)) say(line);
}

async function join(role: string, name: string, words: readonly string[]): Promise<string> {
  const options = new Map(words.map((word) => word.split('=') as [string, string]));
  if (role === 'subscriber') await subscribe(name, options);
  else {
    const slowSubscribers = options.get('slowSubscribers') === 'disconnect' ? 'disconnect' : 'wait';
    publisher = await defineChannel(definitionOf(name, options)).publisher({
      name: options.get('name'),
      slowSubscribers,
    });
  }
  return 'ok';
}

function tryPublishing(seed: number, length: number, count: number): string {
  for (let index = 0; index < count; index++) {
    const outcome = publisher!.tryPublish(contentOf(seed + index, length));
    if (outcome !== 'published') return `ok ${index} ${outcome}`;
  }
  return `ok ${count} published`;
}

async function obey(line: string): Promise<string> {
  const [command = '', ...words] = line.split(' ');
  const [first = 0, length = 0, count = 1] = words.map(Number);
  switch (command) {
    case 'hello':
      return 'ok node steps batch';
    case 'publisher':
    case 'subscriber':
      return join(command, words[0] ?? '', words.slice(1));
    case 'publish':
      for (let index = 0; index < count; index++) await publisher!.publish(contentOf(first + index, length));
      return 'ok';
    case 'try':
      return tryPublishing(first, length, count);
    case 'batch': {
      const values = Array.from({ length: count }, (_, index) => contentOf(first + index, length));
      return `ok ${publisher!.tryPublishAll(values)}`;
    }
    case 'position': {
      const { incarnation, sequence } = (words[0] === 'publisher' ? publisher : subscriber)!.position;
      return `ok ${incarnation} ${sequence}`;
    }
    case 'wait-for-subscribers':
      return `ok ${await publisher!.waitForSubscribers(first)}`;
    case 'receive':
      await receive(first);
      return 'ok';
    case 'take':
      take();
      return 'ok';
    case 'die-at':
      stepsLeft = first;
      fatalStep = words.slice(1).join(' ');
      return 'ok';
    case 'starve':
      try {
        for (;;) taken.push(openSync('/dev/null', 'r'));
      } catch {
        for (let left = first; left > 0; left--) closeSync(taken.pop() as number);
        return 'ok';
      }
    case 'feed':
      for (const descriptor of taken.splice(0)) closeSync(descriptor);
      return 'ok';
    case 'slow':
      millisecondsACopy = first / 1000;
      return 'ok';
    case 'leave':
      await (words[0] === 'publisher' ? publisher : subscriber)!.close();
      return 'ok';
    default:
      return 'error no such command';
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'exit') break;
  try {
    say(await obey(line));
  } catch (error) {
    say('error', (error as Error).message.replaceAll('\n', ' '));
  }
}
await publisher?.close();
await subscriber?.close();
process.stdin.destroy();
