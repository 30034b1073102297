import type { VNode } from 'preact';
import type { CallRow } from '../../src/ui/protocol.js';
import { count, duration, exactClock, nameOf, plural, visible } from './format.js';

/** Calls that are drawn at most. */
const MOST_ROWS = 40;
/** A call that is too short to be seen is drawn as wide as this, per cent. */
const LEAST_WIDTH = 0.6;
/** The room before the first call, as a part of the time that is shown. */
const MARGIN = 0.02;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The calls that run, then the last ones, each as a bar on one line of time. */
export function Waterfall({ calls, now }: { calls: readonly CallRow[]; now: number }): VNode {
  const shown = calls.slice(0, MOST_ROWS);
  if (shown.length === 0) return <p class="empty">No call has been made. New calls appear here.</p>;
  const span = spanOf(shown, now);
  const milliseconds = span.to - span.from;
  return (
    <div class="waterfall" tabIndex={0} role="region" aria-label="Calls over time">
      <p class="axis" aria-hidden="true">
        <time>{exactClock(span.from)}</time>
        <span>{duration(milliseconds * 1e6)}</span>
        <time>{exactClock(span.to)}</time>
      </p>
      <ol>
        {shown.map((call) => (
          <Bar key={call.key} call={call} span={span} />
        ))}
      </ol>
      {calls.length > MOST_ROWS && (
        <p class="note">{plural(calls.length - MOST_ROWS, 'older call')} not drawn</p>
      )}
    </div>
  );
}

/** From the first call that has ended: one that runs for ever must not squeeze the others. */
function spanOf(calls: readonly CallRow[], now: number): Span {
  const ended = calls.filter(({ outcome }) => outcome !== 'running');
  const starts = (ended.length > 0 ? ended : calls).map(({ at }) => at);
  const isRunning = ended.length < calls.length;
  const to = Math.max(...calls.map(({ at, duration }) => at + duration), isRunning ? now : 0);
  const from = Math.min(...starts);
  const length = Math.max(to - from, 0.001);
  return { from: from - length * MARGIN, to };
}

function Bar({ call, span }: { call: CallRow; span: Span }): VNode {
  const { method, server, pid, caller, program, at, duration: took, outcome } = call;
  const length = span.to - span.from;
  const part = (time: number) => Math.min(100, Math.max(0, ((time - span.from) / length) * 100));
  const left = Math.min(part(at), 100 - LEAST_WIDTH);
  const width = Math.max(LEAST_WIDTH, part(at + took) - left);
  const taken = duration(took * 1e6);
  const on = nameOf({ name: server, program: '', pid });
  const by = nameOf({ name: program, program: '', pid: caller });
  const what = {
    running: 'runs for',
    answered: 'answered in',
    failed: 'failed after',
    cancelled: 'cancelled after',
  }[outcome];
  return (
    <li
      class={outcome}
      title={`${method} on ${on} for ${by} (${caller}): ${what} ${taken}, ${exactClock(at)}`}
    >
      <span class="what">
        <b>{visible(method)}</b> <span class="weak">{on}</span>
      </span>
      <span class="bars" aria-hidden="true">
        <i style={{ left: `${left}%`, width: `${width}%` }} />
      </span>
      <span class="took">
        <span class="unseen">
          for {by}, process {caller}, {what}{' '}
        </span>
        {taken}
      </span>
    </li>
  );
}

/** How many calls there are of each outcome, in words. */
export function outcomesOf(calls: readonly CallRow[]): string {
  const of = (outcome: CallRow['outcome']) => calls.filter((call) => call.outcome === outcome).length;
  return (['running', 'answered', 'failed', 'cancelled'] as const)
    .map((outcome) => [of(outcome), outcome] as const)
    .filter(([number]) => number > 0)
    .map(([number, outcome]) => `${count(number)} ${outcome}`)
    .join(' · ');
}
