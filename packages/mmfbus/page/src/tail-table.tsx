import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Shown, TailMessage } from '../../src/ui/protocol.js';
import { count, exactClock, visible } from './format.js';
import type { TailLine } from './tail-store.js';
import { useSize } from './use-size.js';
import { kindOf, lineOf, ValueTree } from './value-view.js';

const ROW_HEIGHT = 28;
const SPARE_ROWS = 8;
/** Fields that have a column where there is room for them, and pixels that each of them takes. */
const FIELD_WIDTH = 110;
const FIXED_WIDTH = 190;

interface TailTableProps {
  readonly lines: readonly TailLine[];
  readonly fields: readonly string[];
  readonly publisherName: (slot: number) => string;
  readonly empty: string;
  /** Called when it was scrolled away from the newest, or back. */
  readonly onHold: (isHeld: boolean) => void;
}

/** Messages as a table, the newest first. Only the rows that are seen are in the page. */
export function TailTable(props: TailTableProps): VNode {
  const { lines, fields, publisherName, empty, onHold } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(scroller);
  const [top, setTop] = useState(0);
  const [selected, setSelected] = useState<TailMessage>();
  const room = Math.max(1, Math.floor((width - FIXED_WIDTH) / FIELD_WIDTH));
  // Where there is room for one column only, it has the whole value.
  const shownFields = room === 1 && fields.length > 1 ? [] : fields.slice(0, room);
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE_ROWS);
  const last = Math.min(lines.length, Math.ceil((top + height) / ROW_HEIGHT) + SPARE_ROWS);
  const template = `${room === 1 ? 64 : 92}px 98px repeat(${Math.max(1, shownFields.length)}, minmax(0, 1fr))`;

  // What was selected stays where it is while others come.
  const move = (step: number) => {
    const messages = lines.filter((line) => line.kind === 'message');
    const index = messages.findIndex(({ message }) => message === selected);
    const next = messages[index < 0 ? 0 : Math.max(0, Math.min(messages.length - 1, index + step))];
    if (next === undefined) return;
    setSelected(next.message);
    const y = lines.indexOf(next) * ROW_HEIGHT;
    const { current } = scroller;
    if (current === null) return;
    if (y < current.scrollTop) current.scrollTop = y;
    else if (y + 2 * ROW_HEIGHT > current.scrollTop + height) current.scrollTop = y + 2 * ROW_HEIGHT - height;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Escape') setSelected(undefined);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollLeft = 0;
  }, [template]);
  return (
    <>
      <div
        class="tail"
        ref={scroller}
        role="table"
        aria-label="Messages, newest first"
        aria-rowcount={lines.length + 1}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={(event) => {
          setTop(event.currentTarget.scrollTop);
          onHold(event.currentTarget.scrollTop > ROW_HEIGHT);
        }}
      >
        <div class="tail-row head" role="row" style={{ gridTemplateColumns: template }}>
          <span role="columnheader">Number</span>
          <span role="columnheader">Time</span>
          {(shownFields.length > 0 ? shownFields : ['value']).map((field) => (
            <span key={field} role="columnheader" title={visible(field)}>
              {lineOf(field)}
            </span>
          ))}
        </div>
        {lines.length === 0 && <p class="empty">{empty}</p>}
        <div class="rows-space" style={{ height: `${lines.length * ROW_HEIGHT}px` }}>
          {lines.slice(first, last).map((line, index) => (
            <TailRow
              key={line.key}
              line={line}
              index={first + index}
              template={template}
              fields={shownFields}
              isSelected={line.kind === 'message' && line.message === selected}
              select={setSelected}
            />
          ))}
        </div>
      </div>
      {selected !== undefined && (
        <section class="message" aria-label={`Message ${selected.sequence}`}>
          <header>
            <b>Message {count(selected.sequence)}</b>
            <span class="weak">
              {selected.time > 0 ? `published ${exactClock(selected.time)} ` : ''}by{' '}
              {publisherName(selected.publisher)}
            </span>
            <button
              type="button"
              class="quiet"
              aria-label="Close the message"
              onClick={() => setSelected(undefined)}
            >
              ✕
            </button>
          </header>
          <ValueTree value={selected.value} />
        </section>
      )}
    </>
  );
}

interface TailRowProps {
  readonly line: TailLine;
  readonly index: number;
  readonly template: string;
  readonly fields: readonly string[];
  readonly isSelected: boolean;
  readonly select: (message: TailMessage | undefined) => void;
}

function TailRow({ line, index, template, fields, isSelected, select }: TailRowProps): VNode {
  const transform = `translateY(${index * ROW_HEIGHT}px)`;
  if (line.kind !== 'message') {
    const text =
      line.kind === 'left'
        ? `${count(line.count)} more, left out: the page takes 300 a second`
        : visible(line.text);
    return (
      <div class={`tail-row note-row ${line.kind}`} role="row" style={{ transform }}>
        <span role="cell">{text}</span>
      </div>
    );
  }
  const { message } = line;
  const cells = cellsOf(message.value, fields);
  return (
    <div
      class={`tail-row${isSelected ? ' selected' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform, gridTemplateColumns: template }}
      onClick={() => select(isSelected ? undefined : message)}
    >
      <span class="number" role="cell">
        {message.sequence}
      </span>
      <span class="weak" role="cell">
        {message.time > 0 ? exactClock(message.time) : '–'}
      </span>
      {cells.map((cell, column) => (
        <span key={column} class={`value ${kindOf(cell)}`} role="cell">
          {lineOf(cell)}
        </span>
      ))}
    </div>
  );
}

function cellsOf(value: Shown, fields: readonly string[]): readonly (Shown | undefined)[] {
  if (value === null || typeof value !== 'object' || value.kind !== 'object' || fields.length === 0)
    return [value];
  const entries = new Map(value.entries);
  return fields.map((field) => entries.get(field));
}
