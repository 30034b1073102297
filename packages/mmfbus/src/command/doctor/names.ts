import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus, ChannelInfo } from '@mmfbus/channel';
import { codecOfText } from '@mmfbus/codec';
import { memoryFolder } from '@mmfbus/core/internal';
import { printable } from '@mmfbus/terminal';
import type { Scope } from '../command.js';
import { publishersOf, subscribersOf } from '../looks.js';
import { nearest } from '../spelling.js';
import type { Finding } from './finding.js';
import { codeOf, refusal } from './refusal.js';

/** Names of the channels of a scope, by their files: also of those that are not listed. */
export function namesOnDisk(scope: Scope): readonly string[] {
  const folder = memoryFolder();
  if (folder === undefined) return [];
  const prefix = prefixOf(scope);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith(prefix))
    .map(({ name }) => name.slice(prefix.length))
    .filter((name) => /^[A-Za-z0-9._-]{1,128}$/.test(name));
}

/** What the names of the files of a scope begin with. */
function prefixOf(scope: Scope): string {
  return scope === 'machine' ? 'mmfbus.g.' : `mmfbus.${process.getuid?.() ?? 0}.`;
}

/** Looks at each channel, and at what keeps it from being looked at. */
export async function lookAtEach(
  bus: Bus,
  names: readonly string[],
  scope: Scope,
  signal: AbortSignal,
): Promise<{ readonly channels: readonly ChannelInfo[]; readonly findings: readonly Finding[] }> {
  const channels: ChannelInfo[] = [];
  const findings: Finding[] = [];
  for (const name of names) {
    try {
      const info = await bus.inspect(name, { signal });
      if (info !== undefined) channels.push(info);
    } catch (error) {
      signal.throwIfAborted();
      const finding = findingOf(name, error, scope);
      if (finding !== undefined) findings.push(finding);
    }
  }
  return { channels, findings };
}

/** Memory of that name that is no channel is no problem: programs may use it as they like. */
function findingOf(name: string, error: unknown, scope: Scope): Finding | undefined {
  const code = codeOf(error);
  if (code === 'NOT_A_CHANNEL' || code === 'PATTERN_MISMATCH') return undefined;
  const finding = refusal(name, error);
  return code === 'ACCESS_DENIED' ? deniedFinding(name, finding, scope) : finding;
}

/** A file of another user in the place of this user's is told of by the permissions of the folder. */
function deniedFinding(name: string, finding: Finding, scope: Scope): Finding | undefined {
  if (scope === 'machine') {
    const remedy =
      'where this user is to join it, have its programs create it with a mode and a group that let this user in';
    return { ...finding, level: 'hint', remedy };
  }
  const path = join(memoryFolder() ?? '', `${prefixOf(scope)}${name}`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid !== process.getuid?.()) return undefined;
  return { ...finding, remedy: `chmod u+rw ${printable(path)}` };
}

/** Channels with publishers alone and with subscribers alone whose names are nearly the same, and how their schemas differ. */
export function checkSpelling(channels: readonly ChannelInfo[]): readonly Finding[] {
  const silent = channels.filter((info) => publishersOf(info).length === 0 && subscribersOf(info).length > 0);
  const unheard = channels.filter(
    (info) => subscribersOf(info).length === 0 && publishersOf(info).length > 0,
  );
  return silent.flatMap((info): Finding[] => {
    const near = nearest(
      info.name,
      unheard.map(({ name }) => name),
    );
    const other = unheard.find(({ name }) => name === near);
    if (other === undefined) return [];
    return [
      {
        level: 'hint',
        text: `${info.name} has subscribers and no publisher, ${other.name} publishers and no subscriber${differenceText(info, other)}`,
        remedy:
          'where they are meant to be one channel, give both programs the same name and the same schema',
      },
    ];
  });
}

/** Channels of one name in both scopes never meet. */
export function checkScopes(
  here: readonly ChannelInfo[],
  there: readonly ChannelInfo[],
  other: Scope,
): readonly Finding[] {
  const names = new Map(there.map((info) => [info.name, info]));
  return here.flatMap((info): Finding[] => {
    const twin = names.get(info.name);
    if (twin === undefined) return [];
    return [
      {
        level: 'hint',
        text: `there is a second channel ${info.name}, in the scope ${other}: programs of different scopes do not meet${differenceText(info, twin)}`,
        remedy: 'where they are meant to be one channel, give all programs the same scope',
      },
    ];
  });
}

/** How the values of two channels differ, in words. */
function differenceText(a: ChannelInfo, b: ChannelInfo): string {
  if (a.codec !== b.codec) return `; their codecs differ: ${printable(a.codec)} and ${printable(b.codec)}`;
  if (a.schema === b.schema) return '';
  if (a.schema === undefined || b.schema === undefined) return '; only one of them has a schema';
  try {
    const difference = codecOfText(a.codec, a.schema).schema?.difference(b.schema);
    return difference === undefined ? '' : `; their schemas differ: ${printable(difference)}`;
  } catch {
    return '; their schemas differ';
  }
}
