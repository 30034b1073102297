import { printable } from '@mmfbus/terminal';
import { type BridgeSeen, totalsOf } from '../bridge/state.js';
import { count, plural } from '../units.js';
import type { Fact, Finding } from './finding.js';

/** What is wrong with a bridge, by two looks. */
export function checkBridge(before: BridgeSeen | undefined, now: BridgeSeen): readonly (Finding | Fact)[] {
  const { name, pid, server, connected, lost, passages } = now;
  const who = `bridge ${printable(name)}, process ${pid}`;
  if (!connected) {
    return [
      {
        level: 'problem',
        text: `${who}, has no connection to ${printable(server)}; it was lost ${plural(lost, 'time')}`,
        remedy: 'look whether the server runs and can be reached; the bridge connects again by itself',
      },
    ];
  }
  const then = before === undefined ? undefined : totalsOf(before);
  const { missed, refused } = totalsOf(now);
  const findings: Finding[] = [];
  if (then !== undefined && missed > then.missed) {
    findings.push({
      level: 'hint',
      text: `${who}, lost ${plural(missed - then.missed, 'message')} meanwhile, ${count(missed)} in all`,
      remedy:
        "its log names them by the event gap: give the channel a larger capacity, or export it with a stream or with whenBehind: 'wait'",
    });
  }
  if (refused > 0) {
    findings.push({
      level: 'hint',
      text: `${who}, did not carry ${plural(refused, 'message')}: ${refusedBy(now)}`,
      remedy: 'its log says why, by the event refused',
    });
  }
  const summary = `${who}, is connected to ${printable(server)} with ${plural(passages.length, 'passage')}`;
  return [...findings, { level: 'fact', text: summary }];
}

function refusedBy({ passages }: BridgeSeen): string {
  return passages
    .filter(({ refused }) => refused > 0)
    .map(({ channel, refused }) => `${count(refused)} of ${printable(channel)}`)
    .join(', ');
}
