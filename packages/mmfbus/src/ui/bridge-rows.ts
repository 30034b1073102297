import { type BridgeSeen, totalsOf } from '../command/bridge/state.js';
import type { BridgeRow } from './protocol.js';

/** Looks at bridges again and again, and says how fast they are. */
export class BridgeLooks {
  #before = new Map<number, { readonly at: number; readonly messages: number }>();

  /** @param at milliseconds. */
  take(seen: readonly BridgeSeen[], at: number): readonly BridgeRow[] {
    const before = this.#before;
    this.#before = new Map(seen.map((one) => [one.pid, { at, messages: totalsOf(one).messages }]));
    return seen.map((one) => {
      const { messages, ...totals } = totalsOf(one);
      const last = before.get(one.pid);
      const seconds = last === undefined ? 0 : (at - last.at) / 1000;
      // After its file was read again a bridge counts from 0.
      const carried = Math.max(0, messages - (last?.messages ?? 0));
      const lag = Math.max(0, ...one.passages.map((passage) => passage.lag));
      return { kind: 'bridge', ...one, ...totals, lag, rate: seconds > 0 ? carried / seconds : 0 };
    });
  }
}
