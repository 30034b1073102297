import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ChannelInfo, ParticipantInfo } from '@mmfbus/channel';
import type { ChannelRow, ParticipantRow } from './protocol.js';

/** Part of the ring that a reliable subscriber must be behind by to be what publishers wait for: a message may take a quarter. */
const HOLDING_PART = 0.75;

/** A channel at one moment. */
export interface Sample {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly info: ChannelInfo;
}

/** How a channel stands, with rates since the sample before, if there is one of the same life. */
export function rowOf(now: Sample, before: Sample | undefined, programs: Programs): ChannelRow {
  const { info } = now;
  const last = before?.info.incarnation === info.incarnation ? before : undefined;
  const seconds = last === undefined ? 0 : (now.at - last.at) / 1000;
  const perSecond = (count: number, countBefore: number | undefined) =>
    countBefore === undefined || seconds <= 0 ? 0 : round(Math.max(0, count - countBefore) / seconds);
  const known = new Map(last?.info.participants.map((one) => [keyOf(one), one]));
  const holder = holderOf(info, known);
  let bytes = 0;
  let wakeUps = 0;
  const participants = info.participants.map((participant): ParticipantRow => {
    const { counters } = participant;
    const countersBefore = known.get(keyOf(participant))?.counters;
    if (participant.role === 'publisher') bytes += perSecond(counters.bytes, countersBefore?.bytes);
    const rung = perSecond(counters.wakeUps, countersBefore?.wakeUps);
    wakeUps += rung;
    return {
      slot: participant.slot,
      role: roleOf(participant),
      pid: participant.pid,
      name: participant.name,
      program: programs.nameOf(participant.pid),
      alive: participant.alive,
      rate: perSecond(counters.messages, countersBefore?.messages),
      wakeUps: rung,
      lag: participant.lag ?? 0,
      holds: participant === holder,
    };
  });
  return {
    name: info.name,
    isService: false,
    codec: info.codec,
    capacity: info.capacity,
    published: info.published,
    rate: perSecond(info.published, last?.info.published),
    bytes: round(bytes),
    wakeUps: round(wakeUps),
    participants,
  };
}

/** The reliable subscriber that publishers wait for; undefined where they need not wait. */
function holderOf(
  info: ChannelInfo,
  before: ReadonlyMap<string, ParticipantInfo>,
): ParticipantInfo | undefined {
  const [slowest] = info.participants
    .filter(({ delivery, connected }) => delivery === 'reliable' && connected)
    .sort((a, b) => (b.lag ?? 0) - (a.lag ?? 0));
  if (slowest === undefined) return undefined;
  const hasWaited = info.participants.some((one) => {
    const last = before.get(keyOf(one));
    return last !== undefined && one.counters.full > last.counters.full;
  });
  const lag = slowest.lag ?? 0;
  return lag >= info.capacity * HOLDING_PART || (hasWaited && lag > 0) ? slowest : undefined;
}

function roleOf({ role, delivery, connected }: ParticipantInfo): ParticipantRow['role'] {
  if (role === 'publisher' || delivery === undefined) return 'publisher';
  return connected ? delivery : 'disconnected';
}

function keyOf({ slot, pid, role, name }: ParticipantInfo): string {
  return `${slot}:${pid}:${role}:${name}`;
}

/** Three digits are enough, and unchanged rates need not be told again. */
export function round(value: number): number {
  return value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
}

/** What processes run, by `/proc`, where there is one. A process is asked about once. */
export class Programs {
  #names = new Map<number, string>();

  /** The name of its script or program, or '' where that is not known. */
  nameOf(pid: number): string {
    const known = this.#names.get(pid);
    if (known !== undefined) return known;
    if (this.#names.size > 4096) this.#names = new Map();
    const name = readProgram(pid);
    this.#names.set(pid, name);
    return name;
  }

  /** Its process number may be that of another one from now on. */
  forget(pid: number): void {
    this.#names.delete(pid);
  }
}

/** Options of runtimes whose value follows as a word of its own. */
const WITH_VALUE = /^(?:-r|--require|--import|--loader|-C|--conditions|-W|-X|-m)$/;

function readProgram(pid: number): string {
  if (pid <= 0) return '';
  try {
    const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const isRuntime = /^(node|bun|deno|python[\d.]*)$/.test(basename(program));
    const isScript = (arg: string, index: number) =>
      arg !== '' && !arg.startsWith('-') && arg !== 'run' && !WITH_VALUE.test(args[index - 1] ?? '');
    const script = isRuntime ? args.find(isScript) : undefined;
    return basename(script ?? program).slice(0, 80);
  } catch {
    return '';
  }
}
