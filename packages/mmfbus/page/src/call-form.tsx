import type { ShapeNode } from '@mmfbus/codec';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { CallAnswer, MethodForm } from '../../src/ui/protocol.js';
import { duration, visible } from './format.js';
import { presetOf, ValueField } from './publish-form.js';
import { ValueTree } from './value-view.js';

/** What became of a call: an answer, or why there is none. */
type Outcome = CallAnswer | { readonly text: string; readonly isError: true };

/** A form for one call, made from the contract of the service. */
export function CallForm({ service, methods }: { service: string; methods: readonly MethodForm[] }): VNode {
  const [chosen, choose] = useState(methods[0]?.name ?? '');
  const method = methods.find(({ name }) => name === chosen) ?? methods[0];
  if (method === undefined) return <p class="weak">The contract has no method.</p>;
  return (
    <>
      <label class="field">
        <span>method</span>
        <select value={method.name} onChange={(event) => choose(event.currentTarget.value)}>
          {methods.map(({ name }) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </select>
      </label>
      <MethodCall key={method.name} service={service} method={method} />
    </>
  );
}

function MethodCall({ service, method }: { service: string; method: MethodForm }): VNode {
  const node = nodeOf(method);
  const [input, setInput] = useState<unknown>(() => (node === undefined ? null : presetOf(node)));
  const [isCalling, setCalling] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const call = async (event: Event) => {
    event.preventDefault();
    setOutcome(undefined);
    setCalling(true);
    try {
      const response = await fetch('/api/call', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ service, method: method.name, input }),
      });
      setOutcome(
        response.ok
          ? ((await response.json()) as CallAnswer)
          : { text: await response.text(), isError: true },
      );
    } catch {
      setOutcome({ text: 'The server is gone.', isError: true });
    } finally {
      setCalling(false);
    }
  };
  return (
    <form class="publish" onSubmit={(event) => void call(event)} aria-label="Call a method">
      {method.input !== 'none' && <ValueField node={node} value={input} onChange={setInput} />}
      <footer>
        <button type="submit" class="primary" disabled={isCalling}>
          Call
        </button>
        <span role="status" class={outcome?.isError === true ? 'bad-text' : 'good-text'}>
          {isCalling ? 'Waiting for the answer …' : outcome === undefined ? '' : visible(outcome.text)}
          {outcome !== undefined && 'duration' in outcome && (
            <span class="weak"> {duration(outcome.duration * 1e6)}</span>
          )}
        </span>
      </footer>
      {outcome !== undefined && 'values' in outcome && (
        <div class="answer" aria-label="Answer" role="group">
          {outcome.values.map((value, index) => (
            <ValueTree key={index} value={value} open={index < 20} />
          ))}
        </div>
      )}
    </form>
  );
}

/** The shape of what the form sends: a list where the input is a stream. */
function nodeOf({ input, node }: MethodForm): ShapeNode | undefined {
  if (input !== 'stream') return node;
  return { kind: 'array', item: node ?? { kind: 'unknown' }, maxItems: undefined };
}
