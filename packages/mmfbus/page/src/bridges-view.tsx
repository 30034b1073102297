import type { VNode } from 'preact';
import type { BridgeRow } from '../../src/ui/protocol.js';
import { count, plural, rate, visible } from './format.js';

/** Passages of one bridge that are drawn at most. */
const MOST_PASSAGES = 100;

/** The bridges to other machines, each with what it carries. */
export function BridgesView({ bridges }: { bridges: readonly BridgeRow[] }): VNode {
  return (
    <section class="bridges" aria-label="List of bridges">
      {bridges.map((bridge) => (
        <Bridge key={bridge.pid} bridge={bridge} />
      ))}
    </section>
  );
}

function Bridge({ bridge }: { bridge: BridgeRow }): VNode {
  const { name, pid, server, connected, lost, passages } = bridge;
  const shown = passages.slice(0, MOST_PASSAGES);
  return (
    <details>
      <summary class="note">
        Bridge {visible(name)} ({pid}) to {visible(server)} · {rate(bridge.rate)}
        {lost > 0 && ` · connection lost ${plural(lost, 'time')}`}
        {!connected && <em class="chip bad">not connected</em>}
        {shown.length < passages.length &&
          ` · the first ${MOST_PASSAGES} of ${count(passages.length)} are shown`}
      </summary>
      {shown.length > 0 && (
        <div class="card scroller" tabIndex={0} role="region" aria-label={`Bridge ${visible(name)}`}>
          <table class="grid">
            <thead>
              <tr>
                <th scope="col">Passage</th>
                <th scope="col">Subject</th>
                <th scope="col">Messages</th>
                <th scope="col">Lag</th>
                <th scope="col">Missed</th>
                <th scope="col">Refused</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((passage) => (
                <tr key={`${passage.direction} ${passage.kind} ${passage.channel} ${passage.subject}`}>
                  <th scope="row">
                    {passage.direction} {visible(passage.channel)}
                    {passage.kind === 'service' && ' (service)'}
                  </th>
                  <td>{visible(passage.subject)}</td>
                  <td>{count(passage.messages)}</td>
                  <td>{count(passage.lag)}</td>
                  <td class={passage.missed > 0 ? 'bad-text' : ''}>{count(passage.missed)}</td>
                  <td class={passage.refused > 0 ? 'bad-text' : ''}>{count(passage.refused)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
