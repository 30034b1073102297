import { type ChannelInfo, openBus } from '@mmfbus/channel';
import { type Command, type Context, defineCommand, type Scope } from '../command.js';
import type { Fact, Finding } from '../doctor/finding.js';
import { awaitRemoval, describeLeftovers, leftoversNow } from '../doctor/leftovers.js';
import { checkMemory } from '../doctor/memory.js';
import { checkScopes, checkSpelling, lookAtEach, namesOnDisk } from '../doctor/names.js';
import { checkDescriptors, checkSlow, checkStopped } from '../doctor/participants.js';
import { checkRemoved, removedMemory } from '../doctor/removed.js';
import type { Output } from '../output.js';
import { pause } from '../pause.js';
import { count } from '../units.js';

/** Milliseconds between the two looks by which slow readers are found. */
const BETWEEN_MS = 500;

const options = {
  fix: { type: 'boolean', about: 'remove what dead programs have left; nothing else is changed' },
} as const;

export const command: Command = defineCommand({
  name: 'doctor',
  summary: 'find what is wrong, and say what to do',
  usage: '[--fix]',
  help: `Looks for memory that is full, files that dead programs have left (with the proof of their death), programs that are
stopped or too slow, names and schemas that nearly fit, versions that do not, files that were removed, permissions, and
limits of descriptors. A program that was refused when it joined has left no trace: its error says which field differs.

The exit status is 1 where there is a problem.`,
  options,
  run,
});

async function run(context: Context<typeof options>): Promise<number> {
  const { values, out } = context;
  const found = await examine(context);
  if (values.json === true) {
    for (const one of found) await out.json(one);
  } else await out.line(asText(out, found));
  return found.some(({ level }) => level === 'problem') ? 1 : 0;
}

async function examine({
  values,
  signal,
  scope,
  openBus: openThis,
}: Context<typeof options>): Promise<readonly (Finding | Fact)[]> {
  const left = leftoversNow();
  // First, so that what this process does itself is not found.
  const found: (Finding | Fact)[] = [...checkMemory()];
  const removed = removedMemory();
  const bus = await openThis();
  const names = async () =>
    new Set([...(await bus.list({ signal })).map(({ name }) => name), ...namesOnDisk(scope)]);
  const before = await lookAtEach(bus, [...(await names())], signal);
  if (before.channels.length > 0 || removed.length > 0) await pause(BETWEEN_MS, signal);
  signal.throwIfAborted();
  const now = await lookAtEach(bus, [...(await names())], signal);
  const { channels } = now;
  if (values.fix === true) await awaitRemoval(left, signal);
  found.push(
    ...describeLeftovers(left, values.fix === true),
    ...now.findings,
    ...checkRemoved(removed, removedMemory()),
    ...channels.flatMap(checkStopped),
    ...channels.flatMap((info) => slowSince(before.channels, info)),
    ...checkSpelling(channels),
    ...checkScopes(channels, await channelsOfOther(scope, signal), otherThan(scope)),
    ...checkDescriptors(channels),
    { level: 'fact', text: summaryOf(channels) },
  );
  return found;
}

/** A program that is stopped is no slow one. */
function slowSince(before: readonly ChannelInfo[], now: ChannelInfo): readonly Finding[] {
  const then = before.find(({ name, incarnation }) => name === now.name && incarnation === now.incarnation);
  return then === undefined || checkStopped(now).length > 0 ? [] : checkSlow(then, now);
}

function otherThan(scope: Scope): Scope {
  return scope === 'user' ? 'machine' : 'user';
}

async function channelsOfOther(scope: Scope, signal: AbortSignal): Promise<readonly ChannelInfo[]> {
  const bus = await openBus({ scope: otherThan(scope), signal });
  try {
    return await bus.list({ signal });
  } finally {
    await bus.close();
  }
}

function summaryOf(channels: readonly ChannelInfo[]): string {
  const participants = channels.reduce((sum, info) => sum + info.participants.length, 0);
  return `${count(channels.length)} channels with ${count(participants)} participants were looked at`;
}

function asText(out: Output, found: readonly (Finding | Fact)[]): string {
  const order = { problem: 0, hint: 1, fact: 2 } as const;
  const lines = found
    .toSorted((a, b) => order[a.level] - order[b.level])
    .map((one) => {
      if (one.level === 'fact') return `${out.style('green', 'ok     ')}  ${one.text}`;
      const level = out.style(one.level === 'problem' ? 'red' : 'yellow', one.level.padEnd(7));
      return `${level}  ${one.text}\n         ${out.style('dim', `→ ${one.remedy}`)}`;
    });
  const problems = found.filter(({ level }) => level === 'problem').length;
  const hints = found.filter(({ level }) => level === 'hint').length;
  return [...lines, '', `${count(problems)} problems, ${count(hints)} hints`].join('\n');
}
