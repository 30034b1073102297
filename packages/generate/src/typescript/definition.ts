import type { FieldNode, IntegerNode, ShapeNode } from '@mmfbus/codec';
import { alike, type Visitor, visit } from '@mmfbus/codec/internal';
import { GenerateError } from '../errors.js';
import { FREE } from '../expected.js';
import { FUNCTIONS, literal, propertyName } from './words.js';

/** Writes the calls that make shapes. */
export class Definition {
  readonly #called = new Set<string>();
  #indent = '';

  /** The functions that were called. */
  get imports(): readonly string[] {
    return FUNCTIONS.filter((name) => this.#called.has(name));
  }

  of(node: ShapeNode): string {
    return visit(node, this.#calls);
  }

  /** The name of a function, which is imported then. */
  call(name: (typeof FUNCTIONS)[number]): string {
    this.#called.add(name);
    return name;
  }

  readonly #calls: Visitor<string> = {
    ...alike(['boolean', 'timestamp', 'unknown'], ({ kind }) => `${this.call(kind)}()`),
    ...alike(['bigint', 'float'], ({ type }) => `${this.call(type)}()`),
    integer: (node) => `${this.call(node.type)}(${integerOptions(node)})`,
    string: ({ maxLength }) => `${this.call('string')}(${optionsOf({ maxLength })})`,
    bytes: ({ maxLength, copy }) =>
      `${this.call('bytes')}(${optionsOf({ maxLength, copy: copy ? undefined : false })})`,
    oneOf: ({ values }) => `${this.call('oneOf')}(${values.map(literal).join(', ')})`,
    nullable: ({ of }) => `${this.call('nullable')}(${this.of(of)})`,
    array: ({ item, maxItems }) => {
      const options = optionsOf({ maxItems });
      return `${this.call('array')}(${this.of(item)}${options === '' ? '' : `, ${options}`})`;
    },
    map: ({ key, value, as }) =>
      as === 'object' && key.kind === 'string' && key.maxLength === undefined
        ? `${this.call('record')}(${this.of(value)})`
        : `${this.call('map')}(${this.of(key)}, ${this.of(value)})`,
    struct: ({ fields }) => this.#struct(fields),
    union: ({ tag, variants }) => {
      const structs = this.object(
        // The tag is what the union itself adds.
        variants.map(({ name, struct }) => [name, () => this.#struct(struct.fields.slice(1))]),
      );
      return `${this.call('union')}(${literal(tag)}, ${structs})`;
    },
  };

  #struct(fields: readonly FieldNode[]): string {
    requireOrder(fields);
    const written = this.object(
      fields.map(({ name, node, optional }) => [
        name,
        () => (optional ? `${this.call('optional')}(${this.of(node)})` : this.of(node)),
      ]),
    );
    return `${this.call('struct')}(${written})`;
  }

  /** An object with a line for each member. */
  object(members: readonly (readonly [name: string, value: () => string])[]): string {
    if (members.length === 0) return '{}';
    const outside = this.#indent;
    this.#indent = `${outside}  `;
    const lines = members.map(([name, value]) => `${this.#indent}${propertyName(name)}: ${value()},\n`);
    this.#indent = outside;
    return `{\n${lines.join('')}${outside}}`;
  }
}

function integerOptions({ type, min, max }: IntegerNode): string {
  const [lowest, highest] = FREE[type]!;
  return optionsOf({
    as: type === 'u64' || type === 'i64' ? "'number'" : undefined,
    min: min === lowest ? undefined : min,
    max: max === highest ? undefined : max,
  });
}

function optionsOf(options: Readonly<Record<string, string | number | false | undefined>>): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `{ ${given.map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
}

/** Refuses what no object of JavaScript can be: in those, names that are whole numbers come first. */
function requireOrder(fields: readonly FieldNode[]): void {
  const keys = Object.keys(Object.fromEntries(fields.map(({ name }) => [name, true])));
  const moved = fields.find(({ name }, index) => keys[index] !== name);
  if (moved === undefined) return;
  throw new GenerateError(
    'SHAPE',
    `no definition in TypeScript has these fields in this order: names that are whole numbers come first, before ${JSON.stringify(moved.name.slice(0, 40))}`,
  );
}
