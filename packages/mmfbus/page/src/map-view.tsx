import type { VNode } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Departure } from '../../src/ui/protocol.js';
import { asChannelRow } from '../../src/ui/service-channel.js';
import { bytes, clock, count, nameOf, percent, plural, rate, visible } from './format.js';
import {
  type ChannelBox,
  type Edge,
  HEIGHTS,
  layOut,
  type MapLayout,
  type ProcessBox,
  roleOf,
} from './map-layout.js';
import type { OverviewState } from './overview-store.js';
import { addressOf, channelAddress, go, type Route, serviceAddress } from './router.js';
import { Search } from './search.js';
import { useSize } from './use-size.js';

/** Room above and below the boxes for the focus ring. */
const MARGIN = 6;

/** Departures that are listed, the last ones first. */
const MOST_GONE = 50;

/** Where the columns stand, by the width there is. */
interface Columns {
  readonly width: number;
  readonly process: number;
  readonly channel: number;
  readonly middle: number;
}

function columnsOf(width: number): Columns {
  const isNarrow = width < 640;
  const process = isNarrow ? Math.floor(width * 0.29) : Math.min(220, Math.floor(width * 0.23));
  const channel = isNarrow ? Math.floor(width * 0.31) : Math.min(260, Math.floor(width * 0.27));
  return { width, process, channel, middle: Math.floor((width - channel) / 2) };
}

/** Processes and channels as a drawing. */
export function MapView({
  route,
  overview,
}: {
  route: Route & { view: 'map' };
  overview: OverviewState;
}): VNode {
  const { channels, services, departures, period } = overview;
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useSize(frame);
  const [focus, setFocus] = useState<string>();
  const all = useMemo(
    () => [...(channels?.values() ?? []), ...services.map(asChannelRow)],
    [channels, services],
  );
  const wanted = route.search.toLowerCase();
  const rows = useMemo(() => all.filter((row) => isWanted(row, wanted)), [all, wanted]);
  const gone = useMemo(
    () => departures.filter(({ channel }) => channel.toLowerCase().includes(wanted)),
    [departures, wanted],
  );
  const layout = useMemo(() => layOut(rows, gone), [rows, gone]);
  const isEmpty = channels !== undefined && layout.channels.length === 0;
  return (
    <section class="map" aria-label="Map of processes, channels and services">
      <div class="toolbar">
        <Search
          label="Filter the map"
          value={route.search}
          onInput={(search) => go(addressOf({ view: 'map', search }), 'replace')}
        />
        <Legend />
      </div>
      <div class="card map-card" ref={frame}>
        {channels === undefined && <p class="empty">Looking …</p>}
        {isEmpty && (
          <Empty
            text={
              all.length === 0
                ? 'There are no channels. As soon as a program joins one, it appears here.'
                : 'No channel matches the filter.'
            }
          />
        )}
        {!isEmpty && channels !== undefined && width > 0 && (
          <Drawing layout={layout} columns={columnsOf(width)} focus={focus} setFocus={setFocus} />
        )}
      </div>
      <Left layout={layout} period={period} channels={channels?.size ?? 0} services={services.length} />
      {gone.length > 0 && (
        <section class="card gone" aria-label="Gone in the last minute">
          <h2>Gone in the last minute</h2>
          <ul>
            {gone
              .slice(-MOST_GONE)
              .reverse()
              .map((departure) => (
                <Gone
                  key={`${departure.at}${departure.channel}${departure.isService}${departure.pid}${departure.role}`}
                  departure={departure}
                />
              ))}
          </ul>
        </section>
      )}
    </section>
  );
}

/** A line about a participant that is gone. */
function Gone({ departure }: { departure: Departure }): VNode {
  const { channel, isService, role, at, reason, proof, ...process } = departure;
  const end = {
    left: 'left',
    died: `died: ${proof}`,
    unknown: 'is gone; whether it left or died is not known',
  }[reason];
  return (
    <li class={reason}>
      <time>{clock(at)}</time>
      <span>
        <b>{nameOf(process)}</b>, {isService ? roleOf({ role, isService }) : role} of{' '}
        <a href={isService ? serviceAddress(channel) : channelAddress(channel)}>{visible(channel)}</a>, {end}.
      </span>
    </li>
  );
}

function isWanted(
  {
    name,
    participants,
  }: { name: string; participants: readonly { name: string; program: string; pid: number }[] },
  wanted: string,
): boolean {
  if (wanted === '' || name.toLowerCase().includes(wanted)) return true;
  return participants.some((one) => `${one.name} ${one.program} ${one.pid}`.toLowerCase().includes(wanted));
}

/** Kinds of lines, by their class, and what they mean. */
const LEGEND = [
  ['publisher', 'publishes'],
  ['reliable', 'reliable'],
  ['lossy', 'lossy'],
  ['holds', 'holds publishers back'],
  ['client', 'calls'],
  ['server', 'serves'],
] as const;

function Legend(): VNode {
  return (
    <ul class="legend" aria-label="Legend">
      {LEGEND.map(([kind, meaning]) => (
        <li key={kind}>
          <svg width="26" height="10" aria-hidden="true">
            <path class={`edge ${kind}`} d="M1 5H25" stroke-width="3" />
          </svg>
          {meaning}
        </li>
      ))}
    </ul>
  );
}

function Empty({ text }: { text: string }): VNode {
  return (
    <div class="empty">
      <svg width="64" height="32" viewBox="0 0 64 32" aria-hidden="true">
        <rect x="2" y="6" width="16" height="20" rx="4" />
        <rect x="24" y="6" width="16" height="20" rx="4" />
        <rect x="46" y="6" width="16" height="20" rx="4" />
      </svg>
      <p>{text}</p>
    </div>
  );
}

function Left({
  layout,
  period,
  channels,
  services,
}: {
  layout: MapLayout;
  period: number;
  channels: number;
  services: number;
}): VNode {
  const { channels: hidden, processes } = layout.hidden;
  const parts = [plural(channels, 'channel')];
  if (services > 0) parts.push(plural(services, 'service'));
  if (hidden > 0) parts.push(`the ${hidden} quietest are not drawn: filter, or see the list`);
  if (processes > 0) parts.push(`${plural(processes, 'participant')} not drawn`);
  if (period > 1000) parts.push(`looked at every ${(period / 1000).toFixed(1)} s`);
  return <p class="note">{parts.join(' · ')}</p>;
}

interface DrawingProps {
  readonly layout: MapLayout;
  readonly columns: Columns;
  readonly focus: string | undefined;
  readonly setFocus: (key: string | undefined) => void;
}

function Drawing({ layout, columns, focus, setFocus }: DrawingProps): VNode {
  const near = useMemo(() => neighboursOf(layout, focus), [layout, focus]);
  const faded = (key: string) => (near !== undefined && !near.has(key) ? ' faded' : '');
  return (
    <svg
      class="drawing"
      width={columns.width}
      height={layout.height + 2 * MARGIN}
      viewBox={`0 ${-MARGIN} ${columns.width} ${layout.height + 2 * MARGIN}`}
      role="group"
      aria-label={describe(layout)}
    >
      <g>
        {layout.edges.map((edge) => (
          <EdgeLine
            key={`${edge.process.key}>${edge.channel.key}>${edge.role}`}
            edge={edge}
            columns={columns}
            isFaded={near !== undefined && !(near.has(edge.process.key) && near.has(edge.channel.key))}
          />
        ))}
      </g>
      {layout.processes.map((box) => (
        <ProcessNode
          key={box.key}
          box={box}
          columns={columns}
          className={faded(box.key)}
          setFocus={setFocus}
        />
      ))}
      {layout.channels.map((box) => (
        <ChannelNode
          key={box.key}
          box={box}
          columns={columns}
          className={faded(box.key)}
          setFocus={setFocus}
        />
      ))}
    </svg>
  );
}

function neighboursOf({ edges }: MapLayout, focus: string | undefined): ReadonlySet<string> | undefined {
  if (focus === undefined) return undefined;
  const near = new Set([focus]);
  const channels = edges
    .filter(({ process, channel }) => process.key === focus || channel.key === focus)
    .map(({ channel }) => channel.key);
  for (const { process, channel } of edges) {
    if (!channels.includes(channel.key)) continue;
    near.add(channel.key);
    near.add(process.key);
    // The same process on the other side.
    for (const side of ['left', 'right']) if (process.key === focus) near.add(`${side}:${process.pid}`);
  }
  return near;
}

function describe({ channels, processes, edges }: MapLayout): string {
  const held = edges
    .filter(({ holds }) => holds)
    .map(({ process, channel }) => `${process.names[0]} holds back ${channel.name}`);
  const services = channels.filter(({ isService }) => isService).length;
  return [
    plural(channels.length - services, 'channel'),
    ...(services > 0 ? [plural(services, 'service')] : []),
    plural(processes.length, 'process box').replace(/boxs$/, 'boxes'),
    ...held,
  ]
    .map(visible)
    .join('; ');
}

function EdgeLine({ edge, columns, isFaded }: { edge: Edge; columns: Columns; isFaded: boolean }): VNode {
  const { process, channel, role, dead, holds } = edge;
  const isLeft = process.side === 'left';
  const x1 = isLeft ? columns.process : columns.middle + columns.channel;
  const x2 = isLeft ? columns.middle : columns.width - columns.process;
  const yProcess = process.y + HEIGHTS.process / 2 + edge.fromMiddle.process;
  const yChannel = channel.y + HEIGHTS.channel / 2 + edge.fromMiddle.channel;
  const [y1, y2] = isLeft ? [yProcess, yChannel] : [yChannel, yProcess];
  const bend = (x2 - x1) / 2;
  const d = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const width = widthOf(edge.rate);
  const kind = dead ? 'dead' : holds ? 'holds' : role;
  return (
    <g class={isFaded ? 'faded' : ''} data-edge={`${process.names[0]}>${channel.name}`} data-kind={kind}>
      <path class={`edge ${kind}`} d={d} stroke-width={width} />
      {edge.rate > 0 && !dead && <path class="flow" d={d} stroke-width={Math.max(1.5, width * 0.4)} />}
    </g>
  );
}

/** From a hair for nothing to a rope for millions a second. */
function widthOf(rate: number): number {
  return Math.round((1.5 + Math.log10(1 + rate) * 1.7) * 10) / 10;
}

interface NodeProps<B> {
  readonly box: B;
  readonly columns: Columns;
  readonly className: string;
  readonly setFocus: (key: string | undefined) => void;
}

function ProcessNode({ box, columns, className, setFocus }: NodeProps<ProcessBox>): VNode {
  const { names, detail, dead, holds, side, y } = box;
  const title = names.join(', ');
  const x = side === 'left' ? 0 : columns.width - columns.process;
  const kind = dead !== undefined ? ' dead' : holds ? ' holds' : '';
  const shown = dead === undefined ? detail : `died ${clock(dead.at)}`;
  const label = [title, detail, dead && `dead: ${dead.proof}`, holds && 'holds publishers back']
    .filter((part) => part !== undefined && part !== false)
    .join(', ');
  return (
    <g
      class={`node process${kind}${className}`}
      transform={`translate(${x} ${y})`}
      tabIndex={0}
      role="group"
      aria-label={visible(label)}
      onMouseEnter={() => setFocus(box.key)}
      onMouseLeave={() => setFocus(undefined)}
      onFocus={() => setFocus(box.key)}
      onBlur={() => setFocus(undefined)}
    >
      <title>{visible(label)}</title>
      <rect width={columns.process} height={HEIGHTS.process} rx="10" />
      <Line x={12} y={20} width={columns.process - 24} text={title} className="strong" size={7.2} />
      <Line x={12} y={36} width={columns.process - 24} text={shown} className="weak" size={6.1} />
    </g>
  );
}

function ChannelNode({ box, columns, className, setFocus }: NodeProps<ChannelBox>): VNode {
  const { key, name, isService, row, fill, held, y } = box;
  const numbers =
    row === undefined
      ? 'gone'
      : isService || columns.channel < 160
        ? `${rate(row.rate)}${isService && columns.channel >= 160 ? ` · ${count(row.published)} calls` : ''}`
        : `${rate(row.rate)} · ${bytes(row.bytes)}/s`;
  const kind = row === undefined ? ' dead' : held ? ' holds' : '';
  const { channel: width } = columns;
  const indent = isService ? 24 : 14;
  const label = isService
    ? `service ${name}, ${numbers}`
    : `channel ${name}, ${numbers}, ring ${percent(fill)} full${held ? ', publishers wait' : ''}`;
  return (
    <a
      href={isService ? serviceAddress(name) : channelAddress(name)}
      class={`node ${isService ? 'service' : 'channel'}${kind}${className}`}
      aria-label={visible(label)}
      onMouseEnter={() => setFocus(key)}
      onMouseLeave={() => setFocus(undefined)}
      onFocus={() => setFocus(key)}
      onBlur={() => setFocus(undefined)}
    >
      <g transform={`translate(${columns.middle} ${y})`}>
        <title>{visible(label)}</title>
        <rect width={width} height={HEIGHTS.channel} rx={isService ? HEIGHTS.channel / 2 : 8} />
        <Line
          x={indent}
          y={isService ? 28 : 23}
          width={width - 2 * indent}
          text={name}
          className="strong"
          size={7.6}
        />
        <Line
          x={indent}
          y={isService ? 46 : 41}
          width={width - 2 * indent}
          text={numbers}
          className="weak"
          size={6.4}
        />
        {!isService && (
          <rect class="track" x="14" y={HEIGHTS.channel - 11} width={width - 28} height="4" rx="2" />
        )}
        {fill > 0 && (
          <rect
            class="fill"
            x="14"
            y={HEIGHTS.channel - 11}
            width={Math.max(4, (width - 28) * fill)}
            height="4"
            rx="2"
          />
        )}
      </g>
    </a>
  );
}

/** A line of text in SVG, cut to its room: `size` is the width of a character in pixels. */
function Line({
  x,
  y,
  width,
  text,
  className,
  size,
}: {
  x: number;
  y: number;
  width: number;
  text: string;
  className: string;
  size: number;
}): VNode {
  const most = Math.max(3, Math.floor(width / size));
  const safe = visible(text.slice(0, 200));
  return (
    <text x={x} y={y} class={className}>
      {safe.length > most ? `${safe.slice(0, most - 1)}…` : safe}
    </text>
  );
}
