import { printable, wholeNumber } from '@mmfbus/terminal';
import type { ServiceRow } from '../../ui/protocol.js';
import { servicesIn } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { globOf } from '../glob.js';
import { Looks, largestLag, publishersOf, type Seen, subscribersOf } from '../looks.js';
import type { Output } from '../output.js';
import { pause } from '../pause.js';
import { repaint } from '../repaint.js';
import { ServiceLooks } from '../services/service-looks.js';
import { servicesTable } from '../services/tables.js';
import { type Column, drawTable } from '../tables.js';
import { cut } from '../text.js';
import { bytes, count, rate } from '../units.js';
import { schemaInShort } from '../values.js';

/** Milliseconds between two looks of `--watch`. */
const WATCH_MS = 1000;
const LONGEST_SAMPLE = 60_000;
/** Characters of a schema in the table. */
const SCHEMA_WIDTH = 36;
/** From this part of the ring on, a lag is shown as a warning. */
const NEARLY_FULL = 0.5;

const options = {
  watch: { type: 'boolean', short: 'w', about: 'show it again each second, until Ctrl-C' },
  sample: {
    type: 'string',
    default: '300',
    value: 'MS',
    about: 'milliseconds for which the rates are measured; 0 for no rates',
  },
} as const;

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'SCHEMA', isLeft: true },
  { heading: 'RATE' },
  { heading: 'PUBLISHED' },
  { heading: 'PUB' },
  { heading: 'SUB' },
  { heading: 'LAG' },
  { heading: 'MEMORY' },
];

export const command: Command = defineCommand({
  name: 'ls',
  summary: 'list the channels and services with their rates, participants and memory',
  usage: '[GLOB] [--watch]',
  wordCount: { least: 0, most: 1 },
  wordKind: 'channel',
  help: `In GLOB, * is any number of characters and ? is one. LAG is what the slowest subscriber has not read,
in parts of the ring. Services stand below the channels; mmfbus services says more of them.

  mmfbus ls
  mmfbus ls 'sensor.*' --watch`,
  showsAll: true,
  options,
  run,
});

async function run({ values, words, out, signal, openBus }: Context<typeof options>): Promise<number> {
  const sample = wholeNumber('--sample', values.sample, 0, LONGEST_SAMPLE);
  const matches = globOf(words[0] ?? '*');
  const bus = await openBus();
  const looks = new Looks();
  const services = new ServiceLooks();
  const look = async (): Promise<Listing> => {
    const listed = await bus.list({ signal });
    const channels = listed.filter(({ name, service }) => service === undefined && matches(name));
    return {
      channels: looks.take(channels),
      services: services.rows(servicesIn(listed).filter(matches)),
    };
  };
  const hasFirst = sample > 0 && !isEmpty(await look());
  if (hasFirst && !(await pause(sample, signal))) return 0;
  if (values.watch === true) {
    if (values.json === true) await watchJson(look, out, signal);
    else await repaint(out, signal, WATCH_MS, async () => asText(out, await look(), words[0]));
    return 0;
  }
  const listing = await look();
  if (values.json === true) for (const one of asObjects(listing)) await out.json(one);
  else await out.line(asText(out, listing, words[0]));
  return 0;
}

/** What is listed. */
interface Listing {
  readonly channels: readonly Seen[];
  readonly services: readonly ServiceRow[];
}

function isEmpty({ channels, services }: Listing): boolean {
  return channels.length === 0 && services.length === 0;
}

async function watchJson(look: () => Promise<Listing>, out: Output, signal: AbortSignal): Promise<void> {
  do {
    for (const one of asObjects(await look())) await out.json(one);
  } while (await pause(WATCH_MS, signal));
}

function asObjects({ channels, services }: Listing): unknown[] {
  return [...channels.map(asJson), ...services.map((row) => ({ kind: 'service', ...row }))];
}

function asText(out: Output, { channels, services }: Listing, glob: string | undefined): string {
  const parts = [
    ...(channels.length === 0 ? [] : [channelsTable(out, channels)]),
    ...(services.length === 0 ? [] : [servicesTable(out, services)]),
  ];
  if (parts.length > 0) return parts.join('\n\n');
  return glob === undefined ? 'There are no channels.' : `No channel matches ${printable(glob)}.`;
}

function channelsTable(out: Output, seen: readonly Seen[]): string {
  return drawTable(
    out,
    columns,
    seen.map(({ info, rate: perSecond }) => [
      info.name,
      cut(schemaInShort(info), SCHEMA_WIDTH),
      perSecond === undefined ? '-' : rate(perSecond),
      count(info.published),
      count(publishersOf(info).length),
      count(subscribersOf(info).length),
      lagCell(largestLag(info) / info.capacity),
      bytes(info.size),
    ]),
  );
}

function lagCell(part: number): string {
  const percent = `${Math.ceil(part * 100)} %`;
  return part >= NEARLY_FULL ? `! ${percent}` : percent;
}

function asJson({ info, rate: perSecond, bandwidth }: Seen): unknown {
  return {
    kind: 'channel',
    name: info.name,
    incarnation: info.incarnation,
    codec: info.codec,
    schema: info.schema ?? null,
    rate: perSecond ?? null,
    bandwidth: bandwidth ?? null,
    published: info.published,
    publishers: publishersOf(info).length,
    subscribers: subscribersOf(info).length,
    largestLag: largestLag(info),
    capacity: info.capacity,
    size: info.size,
  };
}
