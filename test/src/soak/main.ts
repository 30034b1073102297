// The soak as a program.
import { type CommandLine, runCommand, table } from '@mmfbus/terminal';
import { HELP, OPTIONS, readArguments } from './command-line.js';
import { Soak, type SoakCounts } from './soak.js';

const PROGRESS_EVERY = process.stdout.isTTY ? 3000 : 10_000;

/** One thing that goes wrong makes much after it look wrong. */
const SHOWN_PROBLEMS = 20;

const numbers = new Intl.NumberFormat('en-US');

function progress(counts: SoakCounts, seconds: number): string {
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const { kills, published, received, missed, slots, locks } = counts;
  return [
    time.padStart(6),
    `${numbers.format(kills)} kills (${(kills / seconds).toFixed(1)}/s)`,
    `published ${numbers.format(published)}`,
    `received ${numbers.format(received)}`,
    `in gaps ${numbers.format(missed)}`,
    `recovered ${numbers.format(slots)} slots, ${numbers.format(locks)} locks`,
  ].join('  ');
}

function summary(counts: SoakCounts, seconds: number, seed: number): string {
  const line = (what: string, count: number, about = '') => [what, numbers.format(count), about];
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

async function main(commandLine: CommandLine<typeof OPTIONS>): Promise<number> {
  const { seed, minutes, kills, channels, processes } = readArguments(commandLine);
  console.log(`Seed ${seed}: ${processes} processes on ${channels} channels`);
  const soak = new Soak({ seed, channels, processes, kills });
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => soak.stop());
  const end = setTimeout(() => soak.stop(), minutes * 60_000);
  const timer = setInterval(() => console.log(progress(soak.counts, seconds())), PROGRESS_EVERY);
  await soak.run();
  clearTimeout(end);
  clearInterval(timer);
  for (const problem of soak.problems.slice(0, SHOWN_PROBLEMS)) console.error(`PROBLEM: ${problem}`);
  const more = soak.problems.length - SHOWN_PROBLEMS;
  if (more > 0) console.error(`and ${more} more problems, which may follow from these`);
  console.log(summary(soak.counts, seconds(), seed));
  console.log(soak.problems.length === 0 ? 'Every message is accounted for.' : 'Not all is as it should be.');
  return soak.problems.length === 0 ? 0 : 1;
}

await runCommand({ name: 'soak', help: HELP, options: OPTIONS }, main);
