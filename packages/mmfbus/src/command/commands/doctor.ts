import { type Bus, type ChannelInfo, openBus } from '@mmfbus/channel';
import type { ServiceState } from '@mmfbus/service/internal';
import { type BridgeSeen, readBridges } from '../bridge/state.js';
import { listChannels, servicesIn } from '../channels.js';
import { type Command, type Context, defineCommand, type Scope } from '../command.js';
import { checkBridge } from '../doctor/bridges.js';
import type { Fact, Finding } from '../doctor/finding.js';
import { awaitRemoval, describeLeftovers, leftoversNow } from '../doctor/leftovers.js';
import { checkFolder, checkMemory } from '../doctor/memory.js';
import { checkScopes, checkSpelling, lookAtEach, namesOnDisk } from '../doctor/names.js';
import { checkDescriptors, checkSlow, checkStopped } from '../doctor/participants.js';
import { codeOf, refusal } from '../doctor/refusal.js';
import { checkRemoved, removedMemory } from '../doctor/removed.js';
import { checkService, lookAtServices, removeServiceLeftovers } from '../doctor/services.js';
import type { Output } from '../output.js';
import { pause } from '../pause.js';
import { plural } from '../units.js';

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
stopped or too slow, bridges without a connection or with losses, servers that drain, have another contract than others, or are not called, names and schemas that nearly fit, versions that do not, files that were removed, permissions, and
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
  const unusable = checkFolder();
  if (unusable !== undefined) return [unusable];
  const left = leftoversNow();
  if (values.fix === true) removeServiceLeftovers(left);
  // First, so that what this process does itself is not found.
  const memory = checkMemory();
  const removed = removedMemory();
  const looks = async (): Promise<readonly (Finding | Fact)[]> => {
    const bus = await openThis();
    const before = await lookAtAll(bus, scope, signal);
    if (before.channels.length > 0 || before.services.length > 0 || removed.length > 0) {
      await pause(BETWEEN_MS, signal);
    }
    signal.throwIfAborted();
    const { channels, services, bridges, findings } = await lookAtAll(bus, scope, signal);
    return [
      ...findings,
      ...bridges.flatMap((now) =>
        checkBridge(
          before.bridges.find(({ pid }) => pid === now.pid),
          now,
        ),
      ),
      ...checkRemoved(removed, removedMemory()),
      ...channels.flatMap(checkStopped),
      ...channels.flatMap((info) => slowSince(before.channels, info)),
      ...checkSpelling(channels),
      ...(await checkOtherScope(channels, otherThan(scope), signal)),
      ...services.flatMap((state) =>
        checkService(
          before.services.find(({ name }) => name === state.name),
          state,
        ),
      ),
      ...checkDescriptors(pidsOf(channels, services)),
      { level: 'fact', text: summaryOf(channels) },
      ...(services.length === 0 ? [] : [{ level: 'fact', text: servicesSummary(services) } as const]),
    ];
  };
  const seen = await unlessRefused(looks, 'no channel can be looked at', signal);
  if (values.fix === true) await awaitRemoval(left, signal);
  return [...memory, ...describeLeftovers(left, values.fix === true), ...seen];
}

/** What was found, or what kept it from being looked for: where nothing works, that is what the user asks for. */
async function unlessRefused(
  look: () => Promise<readonly (Finding | Fact)[]>,
  what: string,
  signal: AbortSignal,
): Promise<readonly (Finding | Fact)[]> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    if (codeOf(error) === '') throw error;
    return [refusal(what, error)];
  }
}

/** What one look has found. */
interface Seen {
  readonly channels: readonly ChannelInfo[];
  readonly services: readonly ServiceState[];
  readonly bridges: readonly BridgeSeen[];
  readonly findings: readonly Finding[];
}

async function lookAtAll(bus: Bus, scope: Scope, signal: AbortSignal): Promise<Seen> {
  const listed = await bus.list({ signal });
  const names = listed.filter(({ service }) => service === undefined).map(({ name }) => name);
  const { channels, findings } = await lookAtEach(
    bus,
    [...new Set([...names, ...namesOnDisk(scope)])],
    scope,
    signal,
  );
  const seen = lookAtServices(servicesIn(listed));
  const bridges = readBridges(bus, listed);
  return { channels, services: seen.services, bridges, findings: [...findings, ...seen.findings] };
}

/** A program that is stopped is no slow one. */
function slowSince(before: readonly ChannelInfo[], now: ChannelInfo): readonly Finding[] {
  const then = before.find(({ name, incarnation }) => name === now.name && incarnation === now.incarnation);
  return then === undefined || checkStopped(now).length > 0 ? [] : checkSlow(then, now);
}

function otherThan(scope: Scope): Scope {
  return scope === 'user' ? 'machine' : 'user';
}

function checkOtherScope(
  channels: readonly ChannelInfo[],
  scope: Scope,
  signal: AbortSignal,
): Promise<readonly (Finding | Fact)[]> {
  const look = async () => {
    const bus = await openBus({ scope, signal });
    try {
      return checkScopes(channels, await listChannels(bus, signal), scope);
    } finally {
      await bus.close();
    }
  };
  return unlessRefused(look, `the channels of the scope ${scope} cannot be looked at`, signal);
}

function summaryOf(channels: readonly ChannelInfo[]): string {
  const participants = channels.reduce((sum, info) => sum + info.participants.length, 0);
  return `looked at ${plural(channels.length, 'channel')} with ${plural(participants, 'participant')}`;
}

function servicesSummary(services: readonly ServiceState[]): string {
  const servers = services.reduce((sum, state) => sum + state.servers.length, 0);
  const clients = services.reduce((sum, state) => sum + state.clients.length, 0);
  return `looked at ${plural(services.length, 'service')} with ${plural(servers, 'server')} and ${plural(clients, 'client')}`;
}

/** Processes that are known to live, and to be these. */
function pidsOf(channels: readonly ChannelInfo[], services: readonly ServiceState[]): ReadonlySet<number> {
  const seated = [
    ...channels.flatMap(({ participants }) => participants),
    ...services.flatMap(({ servers, clients }) => [...servers, ...clients]),
  ];
  return new Set(seated.filter(({ alive }) => alive === true).map(({ pid }) => pid));
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
  return [...lines, '', `${plural(problems, 'problem')}, ${plural(hints, 'hint')}`].join('\n');
}
