// Uses a channel as any program does, until its standard input ends, while others overwrite what it reads: publishers that
// wait for no one but a scribbler. Whatever it meets must be a message, a gap or an error. Then it prints what it met.
// Arguments: what it does (`publish`, `subscribe` or `join`), the channel's name, the codec, and `intact` where messages may
// not be changed by any process.
import {
  type Channel,
  ChannelError,
  defineChannel,
  type Message,
  openBus,
  type Subscriber,
} from '@mmfbus/channel';
import { json, msgpack, string, struct, u32 } from '@mmfbus/codec';
import { MmfError } from '@mmfbus/core';
import { timers } from '@mmfbus/core/internal';

const KiB = 1024;

interface Note {
  readonly id: number;
  readonly text: string;
}

/** Bytes of texts: multiples of 3, below and above what a reader copies at a time. */
const LENGTHS = [30, 300, 3000, 99_000, 180_000];
const MESSAGES_A_TURN = 20;

const [role = '', name = '', codec = '', mode] = process.argv.slice(2);
const isIntact = mode === 'intact';
const counts: Record<string, number> = {};
let goesOn = true;

process.stdin.once('end', () => {
  goesOn = false;
});
process.stdin.resume();

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

/** Runs something that may fail as the package says it may, and in no other way. */
async function tryOnce(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ChannelError || error instanceof MmfError)) throw error;
    count(error.code);
  }
  await timers.nextTurn();
}

function define(): Channel<Note> {
  const options = { name, capacity: 1024 * KiB };
  if (codec === 'msgpack') return defineChannel<Note>({ ...options, codec: msgpack() });
  if (codec === 'json') return defineChannel<Note>({ ...options, codec: json() });
  return defineChannel({ ...options, schema: struct({ id: u32(), text: string() }) });
}

/** Texts of three-byte characters, and of as many bytes of ASCII: a reader that reads twice sees one, then the other. */
const texts = LENGTHS.flatMap((length) => ['中'.repeat(length / 3), 'a'.repeat(length)]);

function noteOf(id: number): Note {
  return { id, text: texts[id % texts.length] as string };
}

function look({ value: note }: Message<Note>): void {
  count('messages');
  if (!isIntact) return;
  const due = noteOf(note.id);
  if (note.text !== due.text) throw new Error(`note ${note.id} has another text than was published`);
}

const roles: Record<string, (channel: Channel<Note>) => Promise<void>> = {
  async publish(channel) {
    await using publisher = await channel.publisher({ slowSubscribers: 'disconnect' });
    for (let id = 0; goesOn; id++) {
      count(publisher.tryPublish(noteOf(id)));
      if (id % MESSAGES_A_TURN === 0) await timers.nextTurn();
    }
  },
  async subscribe(channel) {
    await using subscriber = await channel.subscriber({ start: 'earliest' });
    subscriber.on('gap', () => count('gaps'));
    subscriber.on('error', ({ code }) => count(code));
    while (goesOn && subscriber.isOpen) {
      subscriber.poll(look, MESSAGES_A_TURN);
      await timers.nextTurn();
    }
    count('subscriptions');
  },
  async join(channel) {
    await using bus = await openBus();
    let subscriber: Subscriber<Note> | undefined;
    try {
      subscriber = await channel.subscriber({ delivery: 'lossy' });
      count('joins');
      await bus.inspect(name);
      await bus.list();
    } finally {
      await subscriber?.close();
    }
  },
};

const run = roles[role];
if (run === undefined) throw new Error(`there is no role ${role}`);
const channel = define();
process.stdout.write('ready\n');
while (goesOn) await tryOnce(() => run(channel));
process.stdout.write(`done ${JSON.stringify(counts)}\n`);
