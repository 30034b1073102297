import { printable } from '@mmfbus/terminal';
import type { BridgeRow } from '../../ui/protocol.js';
import { count, plural, rate } from '../units.js';

/** A bridge in a line. */
export function bridgeLine(row: BridgeRow): string {
  const { name, pid, server, connected, lost, passages, lag, missed, refused } = row;
  return [
    `Bridge ${printable(name)} (${pid}) ${connected ? 'to' : 'NOT CONNECTED to'} ${printable(server)}:`,
    `${plural(passages.length, 'passage')},`,
    `${rate(row.rate)},`,
    `lag ${count(lag)}, ${count(missed)} missed, ${count(refused)} refused, connection lost ${plural(lost, 'time')}`,
  ].join(' ');
}
