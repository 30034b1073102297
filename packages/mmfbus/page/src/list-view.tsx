import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ChannelRow } from '../../src/ui/protocol.js';
import { bytes, count, percent, plural, rate, visible } from './format.js';
import type { OverviewState } from './overview-store.js';
import { addressOf, channelAddress, go, type Route } from './router.js';
import { Search } from './search.js';
import { useSize } from './use-size.js';

const ROW_HEIGHT = 40;
/** Rows above and below those that are seen. */
const SPARE_ROWS = 6;

interface Column {
  readonly id: string;
  readonly heading: string;
  readonly value: (row: ChannelRow) => number | string;
}

const publishersOf = ({ participants }: ChannelRow) =>
  participants.filter(({ role }) => role === 'publisher').length;
const lagOf = ({ participants, capacity }: ChannelRow) =>
  Math.min(1, Math.max(0, ...participants.map(({ lag }) => lag)) / Math.max(1, capacity));

const columns: readonly Column[] = [
  { id: 'name', heading: 'Channel', value: ({ name }) => name },
  { id: 'rate', heading: 'Rate', value: (row) => row.rate },
  { id: 'bytes', heading: 'Bytes', value: (row) => row.bytes },
  { id: 'published', heading: 'Published', value: (row) => row.published },
  { id: 'pub', heading: 'Pub', value: publishersOf },
  { id: 'sub', heading: 'Sub', value: (row) => row.participants.length - publishersOf(row) },
  { id: 'lag', heading: 'Lag', value: lagOf },
];

/** All channels as a list. Only the rows that are seen are in the page. */
export function ListView({
  route,
  overview,
}: {
  route: Route & { view: 'channels' };
  overview: OverviewState;
}): VNode {
  const { channels, period } = overview;
  const [selected, setSelected] = useState(0);
  const rows = useMemo(
    () => sorted([...(channels?.values() ?? [])], route),
    [channels, route.search, route.sort],
  );
  const set = (search: string, sort = route.sort) =>
    go(addressOf({ view: 'channels', search, sort }), 'replace');
  useEffect(() => setSelected(0), [route.search, route.sort]);
  const total = channels?.size ?? 0;
  const notes = [
    rows.length === total ? plural(total, 'channel') : `${count(rows.length)} of ${plural(total, 'channel')}`,
  ];
  if (period > 1000) notes.push(`looked at every ${(period / 1000).toFixed(1)} s`);
  return (
    <section class="list" aria-label="List of channels">
      <div class="toolbar">
        <Search
          label="Search channels"
          placeholder="Search"
          value={route.search}
          onInput={(text) => set(text)}
        />
        <p class="note" role="status">
          {notes.join(' · ')}
        </p>
      </div>
      {channels !== undefined && (
        <Rows
          rows={rows}
          sort={route.sort}
          selected={Math.min(selected, Math.max(0, rows.length - 1))}
          setSelected={setSelected}
          onSort={(sort) => set(route.search, sort)}
        />
      )}
    </section>
  );
}

function sorted(rows: ChannelRow[], { search, sort }: { search: string; sort: string }): ChannelRow[] {
  const wanted = search.toLowerCase();
  const isDown = sort.startsWith('-');
  const column = columns.find(({ id }) => id === sort.replace('-', '')) ?? (columns[0] as Column);
  const found = wanted === '' ? rows : rows.filter(({ name }) => name.toLowerCase().includes(wanted));
  return found
    .map((row) => ({ row, value: column.value(row) }))
    .sort((a, b) => {
      const order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
      return (isDown ? -order : order) || (a.row.name < b.row.name ? -1 : 1);
    })
    .map(({ row }) => row);
}

interface RowsProps {
  readonly rows: readonly ChannelRow[];
  readonly sort: string;
  readonly selected: number;
  readonly setSelected: (index: number) => void;
  readonly onSort: (sort: string) => void;
}

function Rows({ rows, sort, selected, setSelected, onSort }: RowsProps): VNode {
  const scroller = useRef<HTMLDivElement>(null);
  const { height } = useSize(scroller);
  const [top, setTop] = useState(0);
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE_ROWS);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW_HEIGHT) + SPARE_ROWS);
  const move = (index: number) => {
    const bounded = Math.max(0, Math.min(rows.length - 1, index));
    setSelected(bounded);
    const { current } = scroller;
    if (current === null) return;
    const y = bounded * ROW_HEIGHT;
    if (y < current.scrollTop) current.scrollTop = y;
    else if (y + 2 * ROW_HEIGHT > current.scrollTop + current.clientHeight) {
      current.scrollTop = y + 2 * ROW_HEIGHT - current.clientHeight;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 2);
    const steps: Record<string, number> = {
      ArrowDown: selected + 1,
      ArrowUp: selected - 1,
      PageDown: selected + page,
      PageUp: selected - page,
      Home: 0,
      End: rows.length - 1,
    };
    const step = steps[event.key];
    const row = rows[selected];
    if (step !== undefined) move(step);
    else if (event.key === 'Enter' && row !== undefined) go(channelAddress(row.name));
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="card rows"
      ref={scroller}
      role="table"
      aria-label="Channels"
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div class="row head" role="row">
        {columns.map(({ id, heading }) => (
          <span key={id} class={`cell ${id}`} role="columnheader" aria-sort={sortOf(sort, id)}>
            <button type="button" onClick={() => onSort(nextSort(sort, id))}>
              {heading}
              {sort.replace('-', '') === id && <i aria-hidden="true">{sort.startsWith('-') ? '▾' : '▴'}</i>}
            </button>
          </span>
        ))}
      </div>
      {rows.length === 0 && <p class="empty">No channel matches.</p>}
      <div class="rows-space" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        {rows.slice(first, last).map((row, index) => (
          <Row key={row.name} row={row} index={first + index} isSelected={first + index === selected} />
        ))}
      </div>
    </div>
  );
}

function sortOf(sort: string, id: string): 'ascending' | 'descending' | 'none' {
  if (sort.replace('-', '') !== id) return 'none';
  return sort.startsWith('-') ? 'descending' : 'ascending';
}

function nextSort(sort: string, id: string): string {
  if (sort === `-${id}`) return id;
  if (sort === id) return `-${id}`;
  return id === 'name' ? id : `-${id}`;
}

function Row({ row, index, isSelected }: { row: ChannelRow; index: number; isSelected: boolean }): VNode {
  const lag = lagOf(row);
  const publishers = publishersOf(row);
  const isHeld = row.participants.some(({ holds }) => holds);
  return (
    <div
      class={`row${isSelected ? ' selected' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
    >
      <Cell id="name">
        <a href={channelAddress(row.name)}>{visible(row.name)}</a>
        {isHeld && <em class="chip bad">publishers wait</em>}
      </Cell>
      <Cell id="rate">{rate(row.rate)}</Cell>
      <Cell id="bytes">{bytes(row.bytes)}/s</Cell>
      <Cell id="published">{count(row.published)}</Cell>
      <Cell id="pub">{publishers}</Cell>
      <Cell id="sub">{row.participants.length - publishers}</Cell>
      <Cell id="lag">
        <Meter part={lag} isBad={isHeld} />
        {percent(lag)}
      </Cell>
    </div>
  );
}

function Cell({ id, children }: { id: string; children: unknown }): VNode {
  return (
    <span class={`cell ${id}`} role="cell">
      {children as string}
    </span>
  );
}

/** How full a ring is. */
export function Meter({ part, isBad = false }: { part: number; isBad?: boolean }): VNode {
  return (
    <svg class={`meter${isBad ? ' bad' : ''}`} width="56" height="6" aria-hidden="true">
      <rect class="track" width="56" height="6" rx="3" />
      {part > 0 && <rect class="fill" width={Math.max(3, 56 * Math.min(1, part))} height="6" rx="3" />}
    </svg>
  );
}
