import { cpus } from 'node:os';
import { UsageError } from '@mmfbus/terminal';
import { type Measurement, measureWay } from '../bench/measure.js';
import { isSocket, WAYS, type Way } from '../bench/message.js';
import { type Command, type Context, defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { duration, rate } from '../units.js';

const BAR = 30;
const LONGEST_SECONDS = 600;

const NAMES: Readonly<Record<Way, string>> = {
  typed: 'mmfbus, typed',
  'typed-batches': 'mmfbus, typed, in batches',
  dynamic: 'mmfbus, dynamic',
  socket: 'Unix socket',
  'socket-batches': 'Unix socket, in batches',
};

const options = {
  for: { type: 'string', default: '10', value: 'SECONDS', about: 'how long it takes in all' },
} as const;

export const command: Command = defineCommand({
  name: 'bench',
  summary: 'measure this machine: channels against a Unix socket',
  help: `Sends a message of about 50 bytes to a second process, as fast as it takes them, and then to and fro. The sockets have the codec
of the typed channel. In batches, 64 messages are published with one call, and a write has 64 KiB. On a machine that is busy, or has one core, it says little.

  mmfbus bench --for 5`,
  options,
  run,
});

async function run({ values, out, signal }: Context<typeof options>): Promise<number> {
  const seconds = Number(values.for);
  if (!(seconds > 0 && seconds <= LONGEST_SECONDS)) {
    throw new UsageError(`--for takes seconds up to ${LONGEST_SECONDS}, not ${JSON.stringify(values.for)}`);
  }
  const found: Measurement[] = [];
  for (const way of waysHere()) {
    const measured = await measureWay(way, (seconds * 1000) / WAYS.length, signal);
    if (values.json === true) await out.json(measured);
    found.push(measured);
  }
  if (values.json !== true) await out.line(chart(out, found));
  return 0;
}

/** Windows has pipes with names in place of Unix sockets, which are another matter. */
function waysHere(): readonly Way[] {
  return process.platform === 'win32' ? WAYS.filter((way) => !isSocket(way)) : WAYS;
}

function chart(out: Output, found: readonly Measurement[]): string {
  const [cpu] = cpus();
  return [
    `${cpu?.model.trim() ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}`,
    '',
    out.style('bold', 'one way, messages a second (more is better)'),
    ...bars(
      out,
      found,
      (one) => one.rate,
      (one) => rate(one.rate),
    ),
    '',
    out.style('bold', 'there and back, half of them in less than (less is better)'),
    ...bars(
      out,
      found,
      (one) => one.roundTrip.p50,
      ({ roundTrip: { p50, p99 } }) => `${duration(p50)}, 99 % in ${duration(p99)}`,
    ),
  ].join('\n');
}

function bars(
  out: Output,
  found: readonly Measurement[],
  value: (one: Measurement) => number,
  text: (one: Measurement) => string,
): readonly string[] {
  const most = Math.max(...found.map(value));
  return found.map((one) => {
    const bar = '█'.repeat(Math.max(1, Math.round((value(one) / most) * BAR)));
    return `  ${NAMES[one.way].padEnd(25)} ${out.style(isSocket(one.way) ? 'dim' : 'cyan', bar)} ${text(one)}`;
  });
}
