#!/usr/bin/env node
// Starts three subscribers, then a publisher, each as a process of its own, and compares what they report.
import { Child } from './child.js';
import { PUBLISHING_HELP, type PublishingOptions, parsePublishing } from './command-line.js';
import { compare } from './comparison.js';
import { runProgram } from './program.js';
import { summaryNames } from './summaries.js';

const HELP = `Usage: npm run demo -- [options]
       node demo.js [options]

One process publishes all flights of flights-200k.json, three others take them all at once. The
exit status is 0 when each of the three received exactly what was published.

${PUBLISHING_HELP}`;

const children: Child[] = [];

function start(name: string, program: string, args: readonly string[], output: 'keep' | 'show'): Child {
  const child = new Child(name, program, args, output);
  children.push(child);
  console.log(`started ${name}, process ${child.pid}`);
  return child;
}

/** Waits for it, or throws when the demo is to end. */
async function unlessStopped<T>(promise: Promise<T>, stop: AbortSignal): Promise<T> {
  let abort = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    abort = () => reject(stop.reason);
    stop.addEventListener('abort', abort, { once: true });
    if (stop.aborted) abort();
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    stop.removeEventListener('abort', abort);
  }
}

function publisherArguments({ channel, slow, repeat }: PublishingOptions): string[] {
  const pace = slow === undefined ? [] : ['--slow', String(slow)];
  return ['--channel', channel, '--repeat', String(repeat), ...pace];
}

/** Runs them all to their ends; says whether everything was equal. */
async function demonstrate(options: PublishingOptions, stop: AbortSignal): Promise<boolean> {
  const subscribers = summaryNames.map((name) => {
    return start(name, 'subscriber', [name, '--channel', options.channel], 'keep');
  });
  // A subscriber that joins late would miss the beginning. One that fails does not stop the others.
  const joined = await unlessStopped(Promise.all(subscribers.map((child) => child.joined)), stop);
  let publisher: Child | undefined;
  if (joined.includes(true)) {
    publisher = start('publisher', 'publisher', publisherArguments(options), 'show');
    await unlessStopped(publisher.ended, stop);
    // Without a publisher the subscribers would wait for ever.
    if (!(await publisher.joined)) await Promise.all(subscribers.map((child) => child.stop()));
  }
  await unlessStopped(Promise.all(subscribers.map((child) => child.ended)), stop);
  for (const { output } of subscribers) if (output !== '') console.log(`\n${output.trimEnd()}`);
  const { text, equal } = compare(publisher, subscribers);
  console.log(`\n${text}`);
  return equal;
}

await runProgram('demo', async (args, stop) => {
  const options = parsePublishing(args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  try {
    return (await demonstrate(options, stop)) ? 0 : 1;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
});
