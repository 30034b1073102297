import type { ComponentChildren, VNode } from 'preact';
import type { Shown } from '../../src/ui/protocol.js';
import { count, shortTime, visible } from './format.js';

/** Characters of a value in one line. */
const LINE_LENGTH = 160;

/** A value in one line of text. */
export function lineOf(value: Shown | undefined): string {
  const text = value === undefined ? '' : visible(short(value, LINE_LENGTH));
  return text.length > LINE_LENGTH ? `${text.slice(0, LINE_LENGTH - 1)}…` : text;
}

/** What kind of value it is, for its colour. */
export function kindOf(value: Shown | undefined): string {
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'object' ? value.kind : typeof value;
}

function short(value: Shown, room: number): string {
  if (value === null || typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'text':
      return `${value.text.slice(0, room)}…`;
    case 'bytes':
      return `${value.text.slice(0, 32)}${value.length > 16 ? '…' : ''} (${count(value.length)} bytes)`;
    case 'cut':
      return '…';
    case 'timestamp':
      return shortTime(value.text);
    case 'array': {
      const items = joined(value.items, (item) => short(item, room), room);
      return `[${items}${value.length > value.items.length ? ', …' : ''}]`;
    }
    case 'object':
    case 'map': {
      const entries = joined(value.entries, ([key, item]) => `${key}: ${short(item, room)}`, room);
      return `{ ${entries} }`;
    }
    default:
      return value.text;
  }
}

/** As many parts as there is room for. */
function joined<P>(parts: readonly P[], text: (part: P) => string, room: number): string {
  let line = '';
  for (const part of parts) {
    if (line.length > room) return `${line}…`;
    line += `${line === '' ? '' : ', '}${text(part)}`;
  }
  return line;
}

/** A value in full, part by part. */
export function ValueTree({
  value,
  name,
  open = true,
}: {
  value: Shown;
  name?: string;
  open?: boolean;
}): VNode {
  const label = name === undefined ? undefined : <span class="key">{visible(name)}</span>;
  if (value === null || typeof value !== 'object') return <Leaf label={label} value={value} />;
  switch (value.kind) {
    case 'array':
      return (
        <Branch label={label} note={`${count(value.length)} items`} open={open} value={value}>
          {value.items.map((item, index) => (
            <ValueTree key={index} name={String(index)} value={item} open={index < 20} />
          ))}
          {value.length > value.items.length && <More count={value.length - value.items.length} />}
        </Branch>
      );
    case 'object':
    case 'map':
      return (
        <Branch
          label={label}
          note={`${count(value.length)} ${value.kind === 'map' ? 'entries' : 'fields'}`}
          open={open}
          value={value}
        >
          {value.entries.map(([key, item]) => (
            <ValueTree key={key} name={key} value={item} />
          ))}
          {value.length > value.entries.length && <More count={value.length - value.entries.length} />}
        </Branch>
      );
    default:
      return <Leaf label={label} value={value} />;
  }
}

function Branch({
  label,
  note,
  open,
  value,
  children,
}: {
  label: VNode | undefined;
  note: string;
  open: boolean;
  value: Shown;
  children: ComponentChildren;
}): VNode {
  return (
    <details class="branch" open={open}>
      <summary>
        {label} <span class="weak">{note}</span> <span class="peek">{lineOf(value)}</span>
      </summary>
      {children}
    </details>
  );
}

function More({ count: number }: { count: number }): VNode {
  return <p class="leaf weak">… and {count(number)} more, which the page does not get</p>;
}

function Leaf({ label, value }: { label: VNode | undefined; value: Shown }): VNode {
  const note =
    value !== null && typeof value === 'object'
      ? value.kind === 'text'
        ? `${count(value.length)} characters, the first ${count(value.text.length)} are shown`
        : value.kind === 'bytes'
          ? `${count(value.length)} bytes`
          : value.kind === 'cut'
            ? 'too much to show'
            : value.kind
      : '';
  return (
    <p class="leaf">
      {label} <span class={`value ${kindOf(value)}`}>{fullText(value)}</span> <span class="weak">{note}</span>
    </p>
  );
}

function fullText(value: Shown): string {
  if (value === null || typeof value !== 'object') return visible(String(value));
  if (value.kind === 'cut') return '…';
  return 'text' in value ? `${visible(value.text)}${value.kind === 'text' ? '…' : ''}` : '';
}
