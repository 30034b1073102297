import { readdirSync, readFileSync } from 'node:fs';
import type { ChannelInfo, ParticipantInfo } from '@mmfbus/channel';
import { printable } from '@mmfbus/terminal';
import { publishersOf, subscribersOf } from '../looks.js';
import { programOf } from '../programs.js';
import { count, plural } from '../units.js';
import type { Finding } from './finding.js';

const NEARLY_FULL = 0.9;
const HALF_FULL = 0.5;

/** A participant that is stopped holds the others up: as a reader by not reading, as a publisher by the lock that it may hold. */
export function checkStopped({ name, capacity, participants }: ChannelInfo): readonly Finding[] {
  return participants.flatMap((one) => {
    const program = one.alive === true ? programOf(one.pid) : undefined;
    if (program?.state !== 'T' && program?.state !== 't') return [];
    const part = percent(one, capacity);
    const effect =
      one.delivery === 'reliable'
        ? `publishers wait for it once it is a whole ring behind; now it is ${part} behind`
        : one.role === 'publisher'
          ? 'where it holds the lock of the channel, no other program publishes or joins'
          : 'it loses messages';
    return [
      {
        level: 'problem',
        text: `${name}: ${who(one, program.program)} is stopped (SIGSTOP, or Ctrl-Z): ${effect}`,
        remedy: `kill -CONT ${one.pid}, or end it: kill -KILL ${one.pid}`,
      },
    ];
  });
}

/** Readers that are far behind, by two looks at the same channel. */
export function checkSlow(before: ChannelInfo, now: ChannelInfo): readonly Finding[] {
  const refused = total(now, 'full') - total(before, 'full');
  return subscribersOf(now).flatMap((one): Finding[] => {
    const part = (one.lag ?? 0) / now.capacity;
    const then = before.participants.find(({ slot, pid }) => slot === one.slot && pid === one.pid);
    const missed = one.counters.missed - (then?.counters.missed ?? one.counters.missed);
    if (!one.connected) {
      return [
        {
          level: 'hint',
          text: `${now.name}: ${who(one)} was disconnected by a publisher, because it was too slow`,
          remedy: 'have its handlers do less, or give the channel a larger capacity',
        },
      ];
    }
    if (one.delivery === 'reliable' && part >= HALF_FULL) {
      const level = part >= NEARLY_FULL || refused > 0 ? 'problem' : 'hint';
      const waits = refused > 0 ? `; publishers found no room ${plural(refused, 'time')} meanwhile` : '';
      return [
        {
          level,
          text: `${now.name}: ${who(one)} holds publishers back: it is ${percent(one, now.capacity)} behind${waits}`,
          remedy:
            "have its handlers do less, join with delivery: 'lossy', or publish with slowSubscribers: 'disconnect'",
        },
      ];
    }
    if (missed > 0) {
      return [
        {
          level: 'hint',
          text: `${now.name}: ${who(one)} lost ${plural(missed, 'message')} meanwhile: it is lossy, and too slow`,
          remedy: 'have its handlers do less, or give the channel a larger capacity',
        },
      ];
    }
    return [];
  });
}

/** Processes that have nearly all the descriptors that they may have. */
export function checkDescriptors(pids: ReadonlySet<number>): readonly Finding[] {
  return [...pids].flatMap((pid): Finding[] => {
    const use = descriptorsOf(pid);
    if (use === undefined || use.open < use.limit * NEARLY_FULL) return [];
    return [
      {
        level: 'problem',
        text: `process ${pid} (${programOf(pid)?.program ?? '?'}) has ${count(use.open)} of at most ${count(use.limit)} descriptors open: without them it hears of no death and wakes no participant`,
        remedy: `close files, or raise the limit: ulimit -n, LimitNOFILE= of systemd, or prlimit --pid ${pid} --nofile=`,
      },
    ];
  });
}

function descriptorsOf(pid: number): { readonly open: number; readonly limit: number } | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'));
    return limit === null
      ? undefined
      : { open: readdirSync(`/proc/${pid}/fd`).length, limit: Number(limit[1]) };
  } catch {
    return undefined;
  }
}

function who({ role, delivery, name, pid }: ParticipantInfo, program = ''): string {
  const title = name === '' ? '' : ` ${printable(name)}`;
  return `${delivery === undefined ? '' : `${delivery} `}${role}${title}, process ${pid}${program === '' ? '' : ` (${program})`},`;
}

function percent({ lag = 0 }: ParticipantInfo, capacity: number): string {
  return `${Math.ceil((lag / capacity) * 100)} % of the ring`;
}

function total(info: ChannelInfo, counter: 'full'): number {
  return publishersOf(info).reduce((sum, { counters }) => sum + counters[counter], 0);
}
