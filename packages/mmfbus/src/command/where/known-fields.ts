import { type ShapeNode, shapeFromText } from '@mmfbus/codec';
import { printable } from '@mmfbus/terminal';
import { nearest } from '../spelling.js';
import { type Path, showPath } from './path.js';

/**
 * What is wrong with a path into the values of a schema.
 *
 * @returns undefined where nothing is wrong, or nothing is known.
 */
export function unknownField(schema: string | undefined, path: Path): string | undefined {
  if (schema === undefined) return undefined;
  let nodes: readonly ShapeNode[] = [shapeFromText(schema).node];
  for (const [index, step] of path.entries()) {
    const inner = nodes.flatMap((node) => stepsOf(node, step));
    if (inner.length === 0) return problemOf(nodes, path.slice(0, index), step);
    nodes = inner;
  }
  return undefined;
}

/** What a step leads to; nothing where it leads nowhere. */
function stepsOf(node: ShapeNode, step: string | number): readonly ShapeNode[] {
  switch (node.kind) {
    case 'nullable':
      return stepsOf(node.of, step);
    case 'struct':
      return node.fields.filter(({ name }) => name === step).map((field) => field.node);
    case 'union':
      return node.variants.flatMap(({ struct }) => stepsOf(struct, step));
    case 'array':
      if (step === 'length') return [{ kind: 'unknown' }];
      return typeof step === 'number' ? [node.item] : [];
    case 'map':
      return [node.value];
    case 'unknown':
      return [node];
    case 'string':
    case 'oneOf':
      return step === 'length' ? [{ kind: 'unknown' }] : [];
    case 'bytes':
      return step === 'length' || typeof step === 'number' ? [{ kind: 'unknown' }] : [];
    default:
      return [];
  }
}

function fieldsOf(node: ShapeNode): readonly string[] {
  if (node.kind === 'nullable') return fieldsOf(node.of);
  if (node.kind === 'struct') return node.fields.map(({ name }) => name);
  return node.kind === 'union' ? node.variants.flatMap(({ struct }) => fieldsOf(struct)) : [];
}

function problemOf(nodes: readonly ShapeNode[], before: Path, step: string | number): string {
  const place = before.length === 0 ? 'the schema' : printable(showPath(before));
  const fields = [...new Set(nodes.flatMap(fieldsOf))];
  const near = nearest(String(step), fields);
  const hint = near === undefined ? listed(fields) : `did you mean ${printable(near)}?`;
  return `${place} has no field ${printable(String(step))}; ${hint}`;
}

/** As many names as fit. */
const MOST_NAMES = 12;

function listed(fields: readonly string[]): string {
  if (fields.length === 0) return 'it has no fields';
  const more = fields.length > MOST_NAMES ? ` and ${fields.length - MOST_NAMES} more` : '';
  return `it has ${fields.slice(0, MOST_NAMES).map(printable).join(', ')}${more}`;
}
