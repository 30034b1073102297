import type { Contract, ContractMethod, ContractPart } from '../contract.js';
import { camelCase, Names, wordsOf } from '../names.js';
import { Definition } from './definition.js';
import { literal, RESERVED, SERVICE_FUNCTIONS } from './words.js';

/** A module for TypeScript: the definition of a service. */
export function generateTypeScriptService(contract: Contract, name: string): string {
  const constant = new Names(RESERVED).take(camelCase(wordsOf(name, 'service')));
  const { definition, called, text } = new ServiceDefinition(contract);
  const functions = SERVICE_FUNCTIONS.filter((name) => called.has(name));
  const shapes = definition.imports;
  return [
    '// Written by mmfbus-generate from the contract of a service.',
    ...(shapes.length === 0 ? [] : [`import { ${shapes.join(', ')} } from 'mmfbus';`]),
    `import { ${functions.join(', ')} } from '@mmfbus/service';`,
    '',
    `export const ${constant} = ${text};`,
    '',
  ].join('\n');
}

type Member = readonly [name: string, value: () => string];

/** Writes the calls that make a service. */
class ServiceDefinition {
  /** Writes the shapes. */
  readonly definition: Definition = new Definition();
  /** The functions of services that were called. */
  readonly called: Set<string> = new Set();
  /** The whole definition. */
  readonly text: string;

  constructor({ name, methods }: Contract) {
    const written = [...methods].map(([method, contract]): Member => [method, () => this.#method(contract)]);
    const members: readonly Member[] = [
      ['name', () => literal(name)],
      ['methods', () => this.definition.object(written)],
    ];
    this.text = `${this.#call('defineService')}(${this.definition.object(members)})`;
  }

  #method({ input, output, isOneWay, isIdempotent, errors }: ContractMethod): string {
    const data = [...errors].map(([code, part]): Member => [code, () => this.#part(part)]);
    const members: readonly Member[] = [
      ...(input.kind === 'none' ? [] : [['input', () => this.#part(input)] as const]),
      ...(isOneWay ? [] : [['output', () => this.#part(output)] as const]),
      ...(data.length === 0 ? [] : [['errors', () => this.definition.object(data)] as const]),
      ...(isIdempotent ? [['idempotent', () => 'true'] as const] : []),
    ];
    return `${this.#call('method')}(${members.length === 0 ? '' : this.definition.object(members)})`;
  }

  #part({ kind, shape }: ContractPart): string {
    if (shape === undefined) return `${this.#call('nothing')}()`;
    const text = this.definition.of(shape.node);
    return kind === 'stream' ? `${this.#call('stream')}(${text})` : text;
  }

  #call(name: (typeof SERVICE_FUNCTIONS)[number]): string {
    this.called.add(name);
    return name;
  }
}
