import { camelCase, Names, pascalCase } from '../names.js';
import type { Target } from '../target.js';
import { Definition } from './definition.js';
import { RESERVED, RESERVED_TYPES } from './words.js';

/** A module for TypeScript: the definition of a shape, and the type of its values. */
export function generateTypeScript(target: Target): string {
  const name = new Names(RESERVED).take(camelCase(target.words));
  const type = new Names(RESERVED_TYPES).take(pascalCase(target.words));
  const definition = new Definition();
  const lines = [`export const ${name} = ${definition.of(target.node)};`];
  if (target.layout === 'array') {
    const call = `${definition.call('codecOf')}(${name}, { layout: 'array' })`;
    lines.push('', '// Structs are written as arrays.', `export const ${name}Codec = ${call};`);
  }
  lines.push('', `export type ${type} = Infer<typeof ${name}>;`);
  return [
    '// Written by mmfbus-generate from a shape.',
    `import { ${[...definition.imports, 'type Infer'].join(', ')} } from 'mmfbus';`,
    '',
    ...lines,
    '',
  ].join('\n');
}
