import type { ShapeNode } from '@mmfbus/codec';

/** A shape as a type of TypeScript, each field with what TypeScript has no word for as a comment. */
export function typeScriptOf(node: ShapeNode): string {
  return typeOf(node, '');
}

function typeOf(node: ShapeNode, indent: string): string {
  switch (node.kind) {
    case 'integer':
    case 'float':
      return 'number';
    case 'bytes':
      return 'Uint8Array';
    case 'timestamp':
      return 'Date';
    case 'oneOf':
      return node.values.map((value) => JSON.stringify(value)).join(' | ');
    case 'nullable':
      return `${typeOf(node.of, indent)} | null`;
    case 'array':
      return `${inBrackets(typeOf(node.item, indent))}[]`;
    case 'map':
      return `Map<${typeOf(node.key, indent)}, ${typeOf(node.value, indent)}>`;
    case 'struct':
      return structOf(node.fields, indent);
    case 'union':
      return node.variants.map(({ struct }) => structOf(struct.fields, indent, node.tag)).join(' | ');
    default:
      return node.kind;
  }
}

function structOf(
  fields: (ShapeNode & { readonly kind: 'struct' })['fields'],
  indent: string,
  _tag?: string,
): string {
  if (fields.length === 0) return '{}';
  const lines = fields.map(({ name, node, optional }) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    const note = noteOf(node);
    return `${indent}  ${key}${optional ? '?' : ''}: ${typeOf(node, `${indent}  `)};${note === '' ? '' : ` // ${note}`}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function noteOf(node: ShapeNode): string {
  switch (node.kind) {
    case 'integer':
      return `${node.type}, ${node.min} to ${node.max}`;
    case 'float':
    case 'bigint':
      return node.type;
    case 'string':
      return node.maxLength === undefined ? '' : `at most ${node.maxLength} characters`;
    case 'bytes':
      return node.maxLength === undefined ? '' : `at most ${node.maxLength} bytes`;
    case 'array': {
      const item = noteOf(node.item);
      const limit = node.maxItems === undefined ? '' : `at most ${node.maxItems} items`;
      return [item, limit].filter((note) => note !== '').join('; ');
    }
    case 'nullable':
      return noteOf(node.of);
    default:
      return '';
  }
}

function inBrackets(type: string): string {
  return /[ |]/.test(type) && !type.startsWith('{') ? `(${type})` : type;
}
