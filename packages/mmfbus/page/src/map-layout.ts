import type { ChannelRow, Departure, ParticipantRow } from '../../src/ui/protocol.js';

/** Channels that are drawn at most. */
const MOST_CHANNELS = 40;
/** Participants that are drawn on one side at most. */
const MOST_PROCESSES = 60;

/** A process on one side of the map. */
export interface ProcessBox {
  readonly key: string;
  readonly pid: number;
  /** What its participants are called. */
  readonly names: readonly string[];
  readonly detail: string;
  readonly side: 'left' | 'right';
  /** What proves its death, and since when; undefined while it is not known to be dead. */
  readonly dead: { readonly proof: string; readonly at: number } | undefined;
  readonly holds: boolean;
  y: number;
}

/** A channel or a service in the middle of the map. */
export interface ChannelBox {
  /** Differs also from that of a service with the same name. */
  readonly key: string;
  readonly name: string;
  readonly isService: boolean;
  /** Undefined where it is gone with its last participant. */
  readonly row: ChannelRow | undefined;
  /** The part of the ring that its slowest subscriber has not taken. */
  readonly fill: number;
  readonly held: boolean;
  y: number;
}

/** A line from a publisher to a channel or a client to a service, or from there to a subscriber or a server. */
export interface Edge {
  readonly process: ProcessBox;
  readonly channel: ChannelBox;
  readonly role: ParticipantRow['role'];
  readonly rate: number;
  readonly holds: boolean;
  readonly dead: boolean;
  /** Where it begins and ends, beside the middle of the two boxes, so that lines do not lie on one another. */
  fromMiddle: { process: number; channel: number };
}

/** Pixels between two lines at a box, where there is room for them. */
const EDGE_GAP = 11;

/** The map, laid out: publishers and clients on the left, channels and services, subscribers and servers on the right. */
export interface MapLayout {
  readonly channels: readonly ChannelBox[];
  readonly processes: readonly ProcessBox[];
  readonly edges: readonly Edge[];
  readonly height: number;
  /** How many channels and processes there is no room for. */
  readonly hidden: { readonly channels: number; readonly processes: number };
}

/** Heights of the boxes, and the room between two of them, in pixels. */
export const HEIGHTS = { channel: 62, process: 46, between: 18 } as const;

interface Building {
  readonly processes: Map<string, ProcessBox>;
  readonly channels: Map<string, ChannelBox>;
  readonly edges: Edge[];
  hidden: number;
}

/** Lays the channels out, the busiest ones where there are too many, and the dead with them. */
export function layOut(rows: readonly ChannelRow[], departures: readonly Departure[]): MapLayout {
  const busiest = [...rows].sort((a, b) => weightOf(b) - weightOf(a)).slice(0, MOST_CHANNELS);
  const shown = busiest.sort(
    (a, b) => Number(a.isService) - Number(b.isService) || (a.name < b.name ? -1 : 1),
  );
  const building: Building = { processes: new Map(), channels: new Map(), edges: [], hidden: 0 };
  for (const row of shown) addChannel(building, row);
  for (const departure of departures) addDeparture(building, departure);
  const channels = [...building.channels.values()];
  const processes = [...building.processes.values()];
  place(channels, HEIGHTS.channel);
  const left = processes.filter(({ side }) => side === 'left');
  const right = processes.filter(({ side }) => side === 'right');
  for (const side of [left, right]) {
    sortByNeighbours(side, building.edges);
    place(side, HEIGHTS.process);
  }
  spread(building.edges);
  const height = centre([
    [channels, HEIGHTS.channel],
    [left, HEIGHTS.process],
    [right, HEIGHTS.process],
  ]);
  return {
    channels,
    processes,
    edges: building.edges,
    height,
    hidden: { channels: rows.length - shown.length, processes: building.hidden },
  };
}

/** Which channels are drawn first: where publishers wait, then by rate, then those with most participants. */
function weightOf({ rate, participants }: ChannelRow): number {
  const isHeld = participants.some(({ holds }) => holds);
  return (isHeld ? 1e12 : 0) + rate * 1000 + participants.length;
}

function addChannel(building: Building, row: ChannelRow): void {
  const lag = Math.max(0, ...row.participants.map((one) => one.lag));
  const channel: ChannelBox = {
    key: keyOfChannel(row),
    name: row.name,
    isService: row.isService,
    row,
    fill: row.capacity > 0 ? Math.min(1, lag / row.capacity) : 0,
    held: row.participants.some(({ holds }) => holds),
    y: 0,
  };
  building.channels.set(channel.key, channel);
  for (const participant of row.participants) {
    const { role, rate, holds, alive, pid, name, program } = participant;
    const dead =
      alive === false
        ? { proof: `the kernel has closed the life line of process ${pid}`, at: Date.now() }
        : undefined;
    const process = processOf(building, {
      key: keyOf(participant, channel.key, isSender(role)),
      side: isSender(role) ? 'left' : 'right',
      pid,
      names: [name || program || `process ${pid}`],
      detail: detailOf(pid, name === '' ? '' : program),
      dead,
      holds,
    });
    if (process !== undefined)
      building.edges.push({
        process,
        channel,
        role,
        rate,
        holds,
        dead: dead !== undefined,
        fromMiddle: { process: 0, channel: 0 },
      });
  }
}

function addDeparture(
  building: Building,
  { channel: name, isService, role, pid, program, proof, at, ...rest }: Departure,
): void {
  if (proof === undefined) return;
  const channelKey = keyOfChannel({ name, isService });
  let channel = building.channels.get(channelKey);
  if (channel === undefined) {
    channel = { key: channelKey, name, isService, row: undefined, fill: 0, held: false, y: 0 };
    building.channels.set(channelKey, channel);
  }
  const ended = roleOf({ role, isService });
  const isLeft = isSender(ended);
  const process = processOf(building, {
    key: `${keyOf({ pid, slot: 0 }, channelKey, isLeft)}:dead`,
    side: isLeft ? 'left' : 'right',
    pid,
    names: [rest.name || program || `process ${pid}`],
    detail: detailOf(pid, rest.name === '' ? '' : program),
    dead: { proof, at },
    holds: false,
  });
  if (process === undefined) return;
  building.edges.push({
    process,
    channel,
    role: ended,
    rate: 0,
    holds: false,
    dead: true,
    fromMiddle: { process: 0, channel: 0 },
  });
}

/** What a participant was that is gone. In a registry servers are publishers, and clients subscribers. */
export function roleOf({ role, isService }: Pick<Departure, 'role' | 'isService'>): ParticipantRow['role'] {
  if (isService) return role === 'publisher' ? 'server' : 'client';
  return role === 'publisher' ? 'publisher' : 'reliable';
}

function isSender(role: ParticipantRow['role']): boolean {
  return role === 'publisher' || role === 'client';
}

function keyOfChannel({ name, isService }: Pick<ChannelRow, 'name' | 'isService'>): string {
  return `${isService ? 'service' : 'channel'}:${name}`;
}

/** A process is one box on each side; participants whose process is not known have one each. */
function keyOf(
  { pid, slot }: Pick<ParticipantRow, 'pid' | 'slot'>,
  channel: string,
  isLeft: boolean,
): string {
  const side = isLeft ? 'left' : 'right';
  return pid > 0 ? `${side}:${pid}` : `${side}:${channel}:${slot}`;
}

function detailOf(pid: number, program: string): string {
  const process = pid > 0 ? `pid ${pid}` : 'another PID namespace';
  return program === '' ? process : `${process} · ${program}`;
}

function processOf(building: Building, { holds, ...box }: Omit<ProcessBox, 'y'>): ProcessBox | undefined {
  const known = building.processes.get(box.key);
  if (known !== undefined) {
    const names = [...new Set([...known.names, ...box.names])];
    return Object.assign(known, { names, holds: known.holds || holds });
  }
  const count = [...building.processes.values()].filter(({ side }) => side === box.side).length;
  if (count >= MOST_PROCESSES) {
    building.hidden++;
    return undefined;
  }
  const process = { ...box, holds, y: 0 };
  building.processes.set(box.key, process);
  return process;
}

/** Processes stand beside the channels that they are in, so that few lines cross. */
function sortByNeighbours(processes: ProcessBox[], edges: readonly Edge[]): void {
  const middle = new Map<ProcessBox, number>();
  for (const process of processes) {
    const ys = edges.filter((edge) => edge.process === process).map(({ channel }) => channel.y);
    middle.set(process, ys.reduce((sum, y) => sum + y, 0) / Math.max(ys.length, 1));
  }
  processes.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0) || (a.key < b.key ? -1 : 1));
}

function place(boxes: readonly { y: number }[], height: number): void {
  boxes.forEach((box, index) => {
    box.y = index * (height + HEIGHTS.between);
  });
}

/** Gives each line a place of its own at its two boxes, in the order of what it leads to. */
function spread(edges: readonly Edge[]): void {
  const atBoxes = new Map<object, Edge[]>();
  const add = (box: object, edge: Edge) => atBoxes.set(box, [...(atBoxes.get(box) ?? []), edge]);
  const sides = { left: new Map<ChannelBox, object>(), right: new Map<ChannelBox, object>() };
  for (const edge of edges) {
    add(edge.process, edge);
    const side = sides[edge.process.side];
    const place = side.get(edge.channel) ?? {};
    side.set(edge.channel, place);
    add(place, edge);
  }
  for (const [box, group] of atBoxes) {
    const isProcess = group.every(({ process }) => process === box);
    const height = (isProcess ? HEIGHTS.process : HEIGHTS.channel) - 16;
    const gap = Math.min(EDGE_GAP, height / group.length);
    const other = (edge: Edge) => (isProcess ? edge.channel.y : edge.process.y);
    group.sort((a, b) => other(a) - other(b));
    group.forEach(({ fromMiddle }, index) => {
      fromMiddle[isProcess ? 'process' : 'channel'] = (index - (group.length - 1) / 2) * gap;
    });
  }
}

/** Sets the shorter columns in the middle of the longest one. */
function centre(columns: readonly (readonly [boxes: readonly { y: number }[], height: number])[]): number {
  const lengths = columns.map(
    ([boxes, height]) => boxes.length * (height + HEIGHTS.between) - HEIGHTS.between,
  );
  const longest = Math.max(...lengths, HEIGHTS.channel);
  columns.forEach(([boxes], index) => {
    const shift = (longest - (lengths[index] as number)) / 2;
    if (boxes.length > 0) for (const box of boxes) box.y += shift;
  });
  return longest;
}
