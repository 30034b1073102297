// Joins a channel and leaves it, with less and less left of something that joining takes, and tells after which tries
// anything was left. Arguments: the channel; `descriptors`, `inodes` or `space`; and how much of it is left at most.
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Channel, defineChannel } from '@mmfbus/channel';
import { openResources } from '../support/open-resources.js';

const [, , name = '', what = '', most = '0'] = process.argv;
const directory = process.env['MMFBUS_DIRECTORY'] ?? '';
const channel = defineChannel<number>({ name, capacity: 4096 });
const PAGE = 4096;

/** Takes all but so many; gives them back. */
const takeAllBut: Readonly<Record<string, (left: number) => () => void>> = {
  descriptors(left) {
    const taken: number[] = [];
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      for (const fd of taken.splice(0, left)) closeSync(fd);
    }
    return () => {
      for (const fd of taken) closeSync(fd);
    };
  },
  inodes(left) {
    const taken: string[] = [];
    try {
      for (;;) {
        const path = join(directory, `filler-${taken.length}`);
        writeFileSync(path, '');
        taken.push(path);
      }
    } catch {
      for (const path of taken.splice(0, left)) rmSync(path);
    }
    return () => {
      for (const path of taken) rmSync(path);
    };
  },
  space(left) {
    const [filler, rest] = [join(directory, 'filler'), join(directory, 'rest')];
    writeFileSync(rest, Buffer.alloc(left * PAGE));
    const fd = openSync(filler, 'w');
    try {
      for (;;) writeSync(fd, Buffer.alloc(PAGE));
    } catch {
      closeSync(fd);
      rmSync(rest);
    }
    return () => rmSync(filler);
  },
};

interface Outcome {
  readonly before: string;
  readonly after: string;
  readonly joined: boolean;
}

function whatIsThere(): string {
  return JSON.stringify({ ...openResources(), files: readdirSync(directory).sort() });
}

async function tryToJoin(
  open: (channel: Channel<number>) => Promise<{ close(): Promise<void> }>,
  left: number,
): Promise<Outcome> {
  const before = whatIsThere();
  const giveBack = takeAllBut[what]?.(left);
  const participant = await open(channel).catch(() => undefined);
  giveBack?.();
  await participant?.close();
  const after = whatIsThere();
  return { before, after, joined: participant !== undefined };
}

function report(left: number, { before, after, joined }: Outcome): void {
  const wrong = `with ${left} left: ${before} became ${after}`;
  process.stdout.write(`${after !== before ? wrong : joined ? 'joined' : 'failed'}\n`);
}

// The first time everything is loaded that is loaded when it is needed.
await tryToJoin((one) => one.publisher(), Number(most));
await tryToJoin((one) => one.subscriber(), Number(most));
for (let left = 0; left <= Number(most); left++) {
  report(left, await tryToJoin((one) => one.publisher(), left));
  report(left, await tryToJoin((one) => one.subscriber(), left));
}
