// The soak as a program.
import { type CommandLine, runCommand, table } from '@mmfbus/terminal';
import { CallSoak, type CallSoakCounts } from './calls/soak.js';
import { HELP, OPTIONS, readArguments } from './command-line.js';
import { NatsSoak, type NatsSoakCounts } from './nats/soak.js';
import { Soak, type SoakCounts } from './soak.js';

const PROGRESS_EVERY = process.stdout.isTTY ? 3000 : 10_000;

/** One thing that goes wrong makes much after it look wrong. */
const SHOWN_PROBLEMS = 20;

const numbers = new Intl.NumberFormat('en-US');

/** A soak of any kind. */
interface Soaking {
  readonly problems: readonly string[];
  run(): Promise<void>;
  stop(): void;
}

function beginOf({ kills }: { readonly kills: number }, seconds: number): string[] {
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  return [time.padStart(6), `${numbers.format(kills)} kills (${(kills / seconds).toFixed(1)}/s)`];
}

function progress(counts: SoakCounts, seconds: number): string {
  const { published, received, missed, slots, locks } = counts;
  return [
    ...beginOf(counts, seconds),
    `published ${numbers.format(published)}`,
    `received ${numbers.format(received)}`,
    `in gaps ${numbers.format(missed)}`,
    `recovered ${numbers.format(slots)} slots, ${numbers.format(locks)} locks`,
  ].join('  ');
}

function progressOfCalls(counts: CallSoakCounts, seconds: number): string {
  const { lives, pauses } = counts;
  return [...beginOf(counts, seconds), `${lives} processes`, `${pauses} pauses`].join('  ');
}

function progressOverNats(counts: NatsSoakCounts, seconds: number): string {
  const { stops, cuts, troubles } = counts;
  return [...beginOf(counts, seconds), `${stops} stops`, `${cuts} cuts`, `${troubles} troubles`].join('  ');
}

function line(what: string, count: number, about = ''): string[] {
  return [what, numbers.format(count), about];
}

function summary(counts: SoakCounts, seconds: number, seed: number): string {
  const rows = [
    line('processes', counts.lives),
    line('kills', counts.kills, `${(counts.kills / seconds).toFixed(2)} a second`),
    line('pauses', counts.pauses),
    line('Workers', counts.terminated, 'terminated'),
    line('channels', counts.emptied, 'ended and created again'),
    line('published', counts.published, 'messages'),
    line(
      'received',
      counts.received,
      `messages, ${numbers.format(Math.round(counts.received / seconds))} a second`,
    ),
    line('in gaps', counts.missed, 'messages'),
    line('before', counts.before, 'messages that were begun before their subscriber joined'),
    line('recovered', counts.slots, 'slots of the dead'),
    line('', counts.locks, 'locks of the dead'),
  ];
  return `Seed ${seed}, ${seconds.toFixed(0)} s\n${table(rows, { left: [0, 2] })}`;
}

function summaryOfCalls(counts: CallSoakCounts, seconds: number, seed: number): string {
  const rows = [
    line('processes', counts.lives),
    line('kills', counts.kills, `${(counts.kills / seconds).toFixed(2)} a second`),
    line('pauses', counts.pauses),
    line('calls', counts.calls, `${numbers.format(Math.round(counts.calls / seconds))} a second`),
    line('answers', counts.answers),
    ...[...counts.errors]
      .sort(([, one], [, other]) => other - one)
      .map(([outcome, count]) => line(outcome.replace(' ', ', started: '), count)),
    line('cut off', counts.cutOff, 'calls whose callers were killed before they had an outcome'),
    line('repeated', counts.repeated, 'idempotent calls that ran more than once'),
    line('untold', counts.untold, 'one-way calls whose servers died before they ran'),
  ];
  return `Seed ${seed}, ${seconds.toFixed(0)} s\n${table(rows, { left: [0, 2] })}`;
}

function summaryOverNats(counts: NatsSoakCounts, seconds: number, seed: number): string {
  const rows = [
    line('kills', counts.kills, `${(counts.kills / seconds).toFixed(2)} a second`),
    ...[...counts.killed].sort().map(([what, count]) => line('', count, `of a ${what}`)),
    line('stops', counts.stops, 'of the server, bridges, publishers and subscribers'),
    line('cuts', counts.cuts, 'of a link'),
    line('disturbances', counts.disturbances, 'of a link, with packets late and lost'),
    line('troubles', counts.troubles, 'of bridges, which tried again'),
    line(
      'published',
      counts.published,
      `messages, ${numbers.format(Math.round(counts.published / seconds))} a second`,
    ),
    line('arrived', counts.arrived, 'once, in order'),
    ...[...counts.missed].sort().map(([reason, count]) => line('in gaps', count, reason)),
  ];
  return `Seed ${seed}, ${seconds.toFixed(0)} s\n${table(rows, { left: [0, 2] })}`;
}

async function main(commandLine: CommandLine<typeof OPTIONS>): Promise<number> {
  const { kind, seed, minutes, kills, channels, processes } = readArguments(commandLine);
  const about = {
    channels: `${processes} processes on ${channels} channels`,
    calls: `${processes} processes that serve and call`,
    nats: 'two machines with a bridge each',
  };
  console.log(`Seed ${seed}: ${about[kind]}`);
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const run = async (soak: Soaking, describe: () => string): Promise<void> => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => soak.stop());
    const end = setTimeout(() => soak.stop(), minutes * 60_000);
    const timer = setInterval(() => console.log(describe()), PROGRESS_EVERY);
    await soak.run();
    clearTimeout(end);
    clearInterval(timer);
    for (const problem of soak.problems.slice(0, SHOWN_PROBLEMS)) console.error(`PROBLEM: ${problem}`);
    const more = soak.problems.length - SHOWN_PROBLEMS;
    if (more > 0) console.error(`and ${more} more problems, which may follow from these`);
  };
  let problems: readonly string[];
  if (kind === 'calls') {
    const soak = new CallSoak({ seed, processes, kills });
    await run(soak, () => progressOfCalls(soak.counts, seconds()));
    console.log(summaryOfCalls(soak.counts, seconds(), seed));
    problems = soak.problems;
  } else if (kind === 'nats') {
    const soak = new NatsSoak({ seed, kills });
    await run(soak, () => progressOverNats(soak.counts, seconds()));
    console.log(summaryOverNats(soak.counts, seconds(), seed));
    problems = soak.problems;
  } else {
    const soak = new Soak({ seed, channels, processes, kills });
    await run(soak, () => progress(soak.counts, seconds()));
    console.log(summary(soak.counts, seconds(), seed));
    problems = soak.problems;
  }
  const what = kind === 'calls' ? 'call' : 'message';
  console.log(problems.length === 0 ? `Every ${what} is accounted for.` : 'Not all is as it should be.');
  return problems.length === 0 ? 0 : 1;
}

await runCommand({ name: 'soak', help: HELP, options: OPTIONS }, main);
