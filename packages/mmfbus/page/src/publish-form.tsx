import type { ShapeNode } from '@mmfbus/codec';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { visible } from './format.js';

/** Levels of a schema that have fields of their own; what is deeper is written as JSON. */
const MOST_DEPTH = 5;

/** What stands for a value that is missing: an optional field. */
const MISSING = undefined;

/** A form for one message, made from the schema of the channel. */
export function PublishForm({ channel, node }: { channel: string; node: ShapeNode | undefined }): VNode {
  const [value, setValue] = useState<unknown>(() => (node === undefined ? {} : presetOf(node)));
  const [outcome, setOutcome] = useState<{ readonly ok: boolean; readonly text: string }>();
  const publish = async (event: Event) => {
    event.preventDefault();
    setOutcome(undefined);
    try {
      const response = await fetch('/api/publish', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ channel, value }),
      });
      const text = response.ok ? ((await response.json()) as { text: string }).text : await response.text();
      setOutcome({ ok: response.ok, text });
    } catch {
      setOutcome({ ok: false, text: 'The server is gone.' });
    }
  };
  return (
    <form class="publish" onSubmit={(event) => void publish(event)} aria-label="Publish a message">
      <ValueField node={node} value={value} onChange={setValue} />
      <footer>
        <button type="submit" class="primary">
          Publish
        </button>
        <span role="status" class={outcome?.ok === false ? 'bad-text' : 'good-text'}>
          {outcome === undefined ? '' : visible(outcome.text)}
        </span>
      </footer>
    </form>
  );
}

/** Fields for a value of that shape; one for JSON where no shape is known. */
export function ValueField({
  node,
  value,
  onChange,
}: {
  node: ShapeNode | undefined;
  value: unknown;
  onChange: (value: unknown) => void;
}): VNode {
  if (node === undefined) return <JsonField label="value" value={value} onChange={onChange} />;
  return <Field label="" node={node} value={value} onChange={onChange} depth={0} />;
}

interface FieldProps {
  readonly label: string;
  readonly node: ShapeNode;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly depth: number;
}

function Field({ label, node, value, onChange, depth }: FieldProps): VNode {
  if (depth > MOST_DEPTH) return <JsonField label={label} value={value} onChange={onChange} />;
  switch (node.kind) {
    case 'struct':
      return (
        <Struct
          label={label}
          fields={node.fields}
          value={value as Record<string, unknown>}
          onChange={onChange}
          depth={depth}
        />
      );
    case 'union':
      return <Union label={label} node={node} value={value} onChange={onChange} depth={depth} />;
    case 'nullable':
      return (
        <Optional
          label={label}
          what="null"
          isMissing={value === null}
          onMissing={(isMissing) => onChange(isMissing ? null : presetOf(node.of))}
        >
          <Field label={label} node={node.of} value={value} onChange={onChange} depth={depth} />
        </Optional>
      );
    case 'array':
      return <Items label={label} node={node} value={value} onChange={onChange} depth={depth} />;
    case 'map':
    case 'unknown':
      return <JsonField label={label} value={value} onChange={onChange} />;
    case 'boolean':
      return (
        <label class="field inline">
          <input
            type="checkbox"
            checked={value === true}
            onChange={(event) => onChange(event.currentTarget.checked)}
          />
          <span>{visible(label)}</span>
        </label>
      );
    case 'oneOf':
      return (
        <Labelled label={label} type="one of">
          <select value={String(value)} onChange={(event) => onChange(event.currentTarget.value)}>
            {node.values.map((one) => (
              <option key={one} value={one}>
                {visible(one)}
              </option>
            ))}
          </select>
        </Labelled>
      );
    case 'integer':
    case 'float':
      return (
        <Labelled label={label} type={node.type}>
          <input
            type="number"
            required
            step={node.kind === 'integer' ? 1 : 'any'}
            min={node.kind === 'integer' ? node.min : undefined}
            max={node.kind === 'integer' ? node.max : undefined}
            value={String(value)}
            onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
          />
        </Labelled>
      );
    case 'string':
      return (
        <Labelled label={label} type="string">
          <input
            type="text"
            maxLength={node.maxLength}
            value={String(value)}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        </Labelled>
      );
    default:
      return (
        <Labelled label={label} type={{ bigint: 'bigint', timestamp: 'time', bytes: 'base64' }[node.kind]}>
          <input
            type="text"
            required={node.kind !== 'bytes'}
            pattern={{ bigint: '-?[0-9]+', timestamp: '.*', bytes: '[A-Za-z0-9+\\/]*={0,2}' }[node.kind]}
            value={String(value)}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        </Labelled>
      );
  }
}

function Labelled({ label, type, children }: { label: string; type: string; children: VNode }): VNode {
  return (
    <label class="field">
      <span>
        {visible(label) || 'value'} <small>{type}</small>
      </span>
      {children}
    </label>
  );
}

function Optional({
  label,
  what,
  isMissing,
  onMissing,
  children,
}: {
  label: string;
  what: string;
  isMissing: boolean;
  onMissing: (isMissing: boolean) => void;
  children: VNode;
}): VNode {
  return (
    <div class="optional">
      {isMissing ? (
        <p class="field missing">
          <span>{visible(label)}</span>
          <small>{what}</small>
        </p>
      ) : (
        children
      )}
      <button
        type="button"
        class="quiet"
        aria-label={`${isMissing ? 'Set' : 'Leave out'} ${visible(label)}`}
        onClick={() => onMissing(!isMissing)}
      >
        {isMissing ? '+' : '−'}
      </button>
    </div>
  );
}

type StructFields = (ShapeNode & { readonly kind: 'struct' })['fields'];

function Struct({
  label,
  fields,
  value,
  onChange,
  depth,
}: {
  label: string;
  fields: StructFields;
  value: Readonly<Record<string, unknown>>;
  onChange: (value: unknown) => void;
  depth: number;
}): VNode {
  return (
    <fieldset>
      {label !== '' && <legend>{visible(label)}</legend>}
      {fields.map(({ name, node, optional }) => {
        const set = (item: unknown) => onChange({ ...value, [name]: item });
        const field = (
          <Field key={name} label={name} node={node} value={value[name]} onChange={set} depth={depth + 1} />
        );
        if (!optional) return field;
        return (
          <Optional
            key={name}
            label={name}
            what="left out"
            isMissing={value[name] === MISSING}
            onMissing={(isMissing) => set(isMissing ? MISSING : presetOf(node))}
          >
            {field}
          </Optional>
        );
      })}
    </fieldset>
  );
}

function Union({
  label,
  node,
  value,
  onChange,
  depth,
}: Omit<FieldProps, 'node'> & { node: ShapeNode & { readonly kind: 'union' } }): VNode {
  const fields = value as Record<string, unknown>;
  const variant = node.variants.find(({ name }) => name === fields[node.tag]) ?? node.variants[0];
  if (variant === undefined) return <JsonField label={label} value={value} onChange={onChange} />;
  const choose = (name: string) => {
    const chosen = node.variants.find((one) => one.name === name);
    if (chosen !== undefined) onChange({ ...(presetOf(chosen.struct) as object), [node.tag]: name });
  };
  return (
    <fieldset>
      <legend>{visible(label) || visible(node.tag)}</legend>
      <Labelled label={node.tag} type="variant">
        <select value={variant.name} onChange={(event) => choose(event.currentTarget.value)}>
          {node.variants.map(({ name }) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </select>
      </Labelled>
      <Struct
        label=""
        fields={variant.struct.fields.filter(({ name }) => name !== node.tag)}
        value={fields}
        onChange={onChange}
        depth={depth}
      />
    </fieldset>
  );
}

function Items({
  label,
  node,
  value,
  onChange,
  depth,
}: Omit<FieldProps, 'node'> & { node: ShapeNode & { readonly kind: 'array' } }): VNode {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  return (
    <fieldset>
      <legend>{visible(label) || 'items'}</legend>
      {items.map((item, index) => (
        <div class="optional" key={index}>
          <Field
            label={String(index)}
            node={node.item}
            value={item}
            onChange={(changed) => onChange(items.with(index, changed))}
            depth={depth + 1}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove item ${index}`}
            onClick={() => onChange(items.toSpliced(index, 1))}
          >
            −
          </button>
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => onChange([...items, presetOf(node.item)])}>
        + item
      </button>
    </fieldset>
  );
}

function JsonField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: unknown;
  onChange: (value: unknown) => void;
}): VNode {
  const [text, setText] = useState(() => JSON.stringify(value ?? null, undefined, 1));
  const onInput = (event: Event & { readonly currentTarget: HTMLTextAreaElement }) => {
    const { currentTarget } = event;
    setText(currentTarget.value);
    try {
      onChange(JSON.parse(currentTarget.value));
      currentTarget.setCustomValidity('');
    } catch {
      currentTarget.setCustomValidity('This is no JSON.');
    }
  };
  return (
    <Labelled label={label} type="JSON">
      <textarea rows={4} spellcheck={false} value={text} onInput={onInput} />
    </Labelled>
  );
}

/** What a field begins with. */
export function presetOf(node: ShapeNode): unknown {
  switch (node.kind) {
    case 'integer':
      return Math.min(Math.max(0, node.min), node.max);
    case 'float':
      return 0;
    case 'bigint':
      return '0';
    case 'boolean':
      return false;
    case 'timestamp':
      return new Date().toISOString();
    case 'oneOf':
      return node.values[0];
    case 'array':
      return [];
    case 'map':
      return {};
    case 'nullable':
    case 'unknown':
      return null;
    case 'struct':
      return presetOfFields(node.fields);
    case 'union': {
      const [first] = node.variants;
      return first && { ...presetOfFields(first.struct.fields), [node.tag]: first.name };
    }
    default:
      return '';
  }
}

function presetOfFields(fields: StructFields): Record<string, unknown> {
  return Object.fromEntries(
    fields.filter(({ optional }) => !optional).map(({ name, node }) => [name, presetOf(node)]),
  );
}
