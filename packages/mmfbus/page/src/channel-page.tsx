import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type {
  ChannelEvent,
  Hello,
  ParticipantCounts,
  ParticipantRow,
  SchemaEvent,
  TailEvent,
  TroubleEvent,
} from '../../src/ui/protocol.js';
import { Chart } from './chart.js';
import { age, bytes, clock, count, duration, nameOf, percent, plural, rate, visible } from './format.js';
import { Meter } from './list-view.js';
import { PublishForm } from './publish-form.js';
import { addressOf, go } from './router.js';
import { Samples, waitingOf } from './samples.js';
import { Search } from './search.js';
import { type Link, useStream } from './stream.js';
import { type TailLine, TailStore } from './tail-store.js';
import { TailTable } from './tail-table.js';

const milliseconds = (value: number) => duration(value * 1e6);

/** Milliseconds between two drawings of the table, whatever comes. */
const DRAW_MS = 200;
/** Milliseconds of rest after which a filter is asked for. */
const TYPING_MS = 300;

interface ChannelPageProps {
  readonly name: string;
  readonly where: string;
  readonly onLink: (link: Link) => void;
}

/** Everything about one channel, as the server has told. */
interface ChannelState {
  readonly event: ChannelEvent | undefined;
  readonly schema: SchemaEvent | undefined;
  readonly tail: TailStore;
  readonly samples: Samples;
  readonly trouble: string;
  readonly link: Link;
  readonly version: number;
}

function useChannel(name: string, where: string): ChannelState {
  const event = useRef<ChannelEvent | undefined>(undefined);
  const schema = useRef<SchemaEvent | undefined>(undefined);
  const samples = useRef(new Samples());
  const tail = useRef(new TailStore());
  const trouble = useRef('');
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [version, draw] = useReducer((number: number) => number + 1, 0);
  useEffect(() => {
    tail.current = new TailStore();
    draw(undefined);
  }, [where]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const drawSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      draw(undefined);
    }, DRAW_MS);
  };
  const query = new URLSearchParams({ channel: name, ...(where === '' ? {} : { where }) });
  const link = useStream(`/api/events?${query}`, {
    channel: (next: ChannelEvent) => {
      noteMissed(tail.current, event.current, next);
      event.current = next;
      samples.current.take(next);
      drawSoon();
    },
    schema: (next: SchemaEvent) => {
      schema.current = next;
      drawSoon();
    },
    tail: (next: TailEvent) => {
      tail.current.take(next);
      drawSoon();
    },
    trouble: ({ text }: TroubleEvent) => {
      trouble.current = text;
      drawSoon();
    },
  });
  return {
    event: event.current,
    schema: schema.current,
    tail: tail.current,
    samples: samples.current,
    trouble: trouble.current,
    link,
    version,
  };
}

/** What subscribers have lost since the last look goes into the ledger. */
function noteMissed(
  tail: TailStore,
  before: ChannelEvent | undefined,
  { at, details, row }: ChannelEvent,
): void {
  for (const { slot, missed, joinedAt } of details?.counters ?? []) {
    const last = before?.details?.counters.find((one) => one.slot === slot);
    if (last === undefined || Math.abs(last.joinedAt - joinedAt) > 1000 || missed <= last.missed) continue;
    const participant = row?.participants.find((one) => one.slot === slot);
    const who = participant === undefined ? `slot ${slot}` : nameOf(participant);
    tail.note(
      at,
      count(missed - last.missed),
      `missed by the lossy subscriber ${who}, ${count(missed)} in all`,
    );
  }
}

/** The view of one channel. */
export function ChannelPage({ name, where, onLink }: ChannelPageProps): VNode {
  const state = useChannel(name, where);
  const { event, schema, tail, samples, trouble, link } = state;
  useEffect(() => onLink(link), [link, onLink]);
  const hello = link.state === 'live' ? link.hello : undefined;
  const lastHello = useRef<Hello | undefined>(undefined);
  if (hello !== undefined) lastHello.current = hello;
  const row = event?.row;
  const holder = row?.participants.find(({ holds }) => holds);
  return (
    <section class="channel" aria-label={`Channel ${name}`}>
      <header class="title">
        <div>
          <h1>{visible(name)}</h1>
          <Facts event={event} />
        </div>
        {event !== undefined && row === undefined && <em class="chip bad">there is no such channel now</em>}
        {holder !== undefined && (
          <em class="chip bad" role="status">
            {nameOf(holder)} holds publishers back
          </em>
        )}
      </header>
      {trouble !== '' && (
        <p class="banner warn" role="alert">
          {visible(trouble)}
        </p>
      )}
      <Charts samples={samples} event={event} />
      <div class="columns">
        <Messages name={name} where={where} state={state} />
        <div class="side">
          <Participants event={event} />
          <Card title="Schema">
            <pre class="code" tabIndex={0} role="region" aria-label="Schema as TypeScript">
              {schema === undefined ? '…' : visibleLines(schema.code)}
            </pre>
          </Card>
          {lastHello.current?.write === true && schema !== undefined && row !== undefined && (
            <Card title="Publish">
              <PublishForm key={`${name}${schema.code}`} channel={name} node={schema.node} />
            </Card>
          )}
          <Ledger tail={tail} />
        </div>
      </div>
    </section>
  );
}

/** Line breaks of code are meant. */
export function visibleLines(code: string): string {
  return code.split('\n').map(visible).join('\n');
}

/** A part of a page with a title. */
export function Card({
  title,
  note,
  children,
}: {
  title: string;
  note?: string | undefined;
  children: ComponentChildren;
}): VNode {
  return (
    <section class="card" aria-label={title}>
      <h2>
        {title} {note !== undefined && <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

function Facts({ event }: { event: ChannelEvent | undefined }): VNode {
  const { row, details, at = 0 } = event ?? {};
  if (row === undefined || details === undefined) return <p class="facts" />;
  const facts = [
    `${count(row.published)} published`,
    `ring of ${bytes(row.capacity)}`,
    `codec ${row.codec}`,
    `messages up to ${bytes(details.maxMessage)}`,
    details.history > 0 ? `history of ${count(details.history)}` : 'no history',
    `created ${age(at - details.createdAt)} ago`,
  ];
  return <p class="facts">{facts.map(visible).join(' · ')}</p>;
}

function Charts({ samples, event }: { samples: Samples; event: ChannelEvent | undefined }): VNode {
  const { length } = samples;
  const charts = useMemo(
    () => ({
      times: samples.times,
      rates: samples.whole('rate', (row) => row.rate),
      bytes: samples.whole('bytes', (row) => row.bytes),
      waiting: samples.bySubscriber(waitingOf),
      lag: samples.bySubscriber(({ lag }, { capacity }) => (lag / Math.max(1, capacity)) * 100),
    }),
    [length, event],
  );
  const row = event?.row;
  const subscribers = row?.participants.filter(({ role }) => role !== 'publisher') ?? [];
  const waiting = subscribers.map((one) => (row === undefined ? null : waitingOf(one, row)));
  const longest = waiting.includes(null) ? undefined : Math.max(0, ...(waiting as number[]));
  const lag = Math.max(0, ...subscribers.map((one) => one.lag)) / Math.max(1, row?.capacity ?? 1);
  return (
    <div class="charts">
      <Chart
        title="Messages"
        hint="Messages published a second"
        now={row === undefined ? '–' : rate(row.rate)}
        times={charts.times}
        series={charts.rates}
        format={rate}
        least={1}
      />
      <Chart
        title="Bytes"
        hint="Bytes of payloads a second, by the counters of the publishers"
        now={row === undefined ? '–' : `${bytes(row.bytes)}/s`}
        times={charts.times}
        series={charts.bytes}
        format={(value) => `${bytes(value)}/s`}
        least={16}
        isBinary
      />
      <Chart
        title="Latency"
        hint="How long messages wait in the ring for each subscriber: its lag divided by the bytes a second"
        now={longest === undefined ? 'nothing flows' : milliseconds(longest)}
        times={charts.times}
        series={charts.waiting}
        format={milliseconds}
        least={0.01}
      />
      <Chart
        title="Lag"
        hint="The part of the ring that each subscriber has not taken"
        now={percent(lag)}
        times={charts.times}
        series={charts.lag}
        format={(value) => percent(value / 100)}
        least={1}
      />
    </div>
  );
}

function Messages({ name, where, state }: { name: string; where: string; state: ChannelState }): VNode {
  const { tail, event, version } = state;
  const [isPaused, setPaused] = useState(false);
  const [isHeld, setHeld] = useState(false);
  const [text, setText] = useState(where);
  const frozen = useRef<{ lines: readonly TailLine[]; seen: number } | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const stops = isPaused || isHeld;
  if (!stops) frozen.current = undefined;
  else frozen.current ??= { lines: tail.lines, seen: tail.seen };
  const lines = frozen.current?.lines ?? tail.lines;
  const newer = frozen.current === undefined ? 0 : Math.max(0, tail.seen - frozen.current.seen);
  const setWhere = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(
      () => go(addressOf({ view: 'channel', name, where: next }), 'replace'),
      TYPING_MS,
    );
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  // As the address changes and not after the next frame: letters typed in between would be lost.
  useLayoutEffect(() => {
    clearTimeout(timer.current);
    setText(where);
  }, [where]);
  useEffect(() => {
    frozen.current = undefined;
  }, [where]);
  useEffect(() => {
    const onKey = (key: KeyboardEvent) => {
      const isTyping = key.target instanceof Element && key.target.matches('input, textarea, select');
      if (key.key !== 'p' || isTyping || key.ctrlKey || key.metaKey || key.altKey) return;
      setPaused((before) => !before);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const names = useMemo(
    () => new Map(event?.row?.participants.map((one) => [one.slot, nameOf(one)])),
    [event],
  );
  const notes = [];
  if (tail.left > 0) notes.push(`${count(tail.left)} left out`);
  if (where !== '') notes.push(`${count(tail.unmatched)} do not match`);
  const empty =
    where === ''
      ? 'Nothing has been published since. New messages appear here.'
      : 'No message has matched yet.';
  return (
    <section class="card messages" aria-label="Messages">
      <div class="toolbar">
        <h2>Messages</h2>
        <Search
          label="Filter the messages"
          value={text}
          onInput={setWhere}
          placeholder="delay > 60, or a word"
        />
        <button
          type="button"
          class={`toggle${isPaused ? ' on' : ''}`}
          aria-pressed={isPaused}
          aria-keyshortcuts="p"
          onClick={() => setPaused(!isPaused)}
        >
          {isPaused ? '▶ Go on' : '❚❚ Pause'}
        </button>
      </div>
      <p class="note" role="status">
        {stops
          ? `${isPaused ? 'Paused' : 'Held while scrolled'}: ${plural(newer, 'newer message')}`
          : notes.join(' · ') || 'All that was published since is here.'}
      </p>
      <TailTable
        key={where}
        lines={lines}
        fields={tail.fields}
        publisherName={(slot) => names.get(slot) ?? `slot ${slot}`}
        empty={version === 0 ? 'Looking …' : empty}
        onHold={setHeld}
      />
    </section>
  );
}

function Participants({ event }: { event: ChannelEvent | undefined }): VNode {
  const row = event?.row;
  const counters = new Map(event?.details?.counters.map((one) => [one.slot, one]));
  const participants = [...(row?.participants ?? [])].sort((a, b) => {
    return Number(b.role === 'publisher') - Number(a.role === 'publisher') || a.slot - b.slot;
  });
  return (
    <Card
      title="Participants"
      note={event?.details && `${participants.length} of ${event.details.maxParticipants}`}
    >
      {participants.length === 0 && <p class="weak">none</p>}
      <ul class="participants">
        {participants.map((one) => (
          <Participant
            key={one.slot}
            participant={one}
            counts={counters.get(one.slot)}
            capacity={row?.capacity ?? 1}
            now={event?.at ?? 0}
          />
        ))}
      </ul>
    </Card>
  );
}

const ROLES: Readonly<Record<ParticipantRow['role'], string>> = {
  publisher: 'publishes',
  reliable: 'reliable',
  lossy: 'lossy',
  disconnected: 'given up',
  server: 'serves',
  client: 'calls',
};

function Participant({
  participant,
  counts,
  capacity,
  now,
}: {
  participant: ParticipantRow;
  counts: ParticipantCounts | undefined;
  capacity: number;
  now: number;
}): VNode {
  const { role, pid, program, name, alive, rate: perSecond, lag, holds } = participant;
  const facts = [pid > 0 ? `pid ${pid}` : 'pid unknown', ...(name !== '' && program !== '' ? [program] : [])];
  if (counts !== undefined) facts.push(`joined ${age(now - counts.joinedAt)} ago`);
  const numbers =
    counts === undefined
      ? []
      : [
          `${count(counts.messages)} messages`,
          bytes(counts.bytes),
          ...(counts.full > 0 ? [`${count(counts.full)}× no room`] : []),
          ...(counts.missed > 0 ? [`${count(counts.missed)} missed`] : []),
          ...(counts.busy > 0 ? [`${count(counts.busy)}× busy`] : []),
          `${count(counts.wakeUps)} wake-ups sent`,
        ];
  return (
    <li class={`${role}${holds ? ' holds' : ''}${alive === false ? ' dead' : ''}`}>
      <div class="who">
        <b>{nameOf(participant)}</b>
        <em class={`chip ${role}`}>{ROLES[role]}</em>
        {holds && <em class="chip bad">publishers wait for it</em>}
        {alive === false && <em class="chip bad">dead: proved</em>}
        {alive === 'unknown' && <em class="chip">liveness unknown</em>}
      </div>
      <p class="weak">{facts.map(visible).join(' · ')}</p>
      <p class="weak">{numbers.join(' · ')}</p>
      <p class="now">
        <b>{rate(perSecond)}</b>
        {role !== 'publisher' && (
          <span title="What it has not taken of the ring">
            <Meter part={lag / Math.max(1, capacity)} isBad={holds} /> {percent(lag / Math.max(1, capacity))}{' '}
            behind
          </span>
        )}
      </p>
    </li>
  );
}

function Ledger({ tail }: { tail: TailStore }): VNode {
  return (
    <Card title="Gaps" note={tail.ledger.length === 0 ? 'none seen' : String(tail.ledger.length)}>
      {tail.ledger.length === 0 ? (
        <p class="weak">Messages that were overwritten, too long or undecodable are listed here by number.</p>
      ) : (
        <ol class="ledger">
          {tail.ledger.map(({ key, at, numbers, text }) => (
            <li key={key}>
              <time>{clock(at)}</time> <b>{numbers}</b> {visible(text)}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
