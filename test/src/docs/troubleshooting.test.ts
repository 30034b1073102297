import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { findExport, parsedSources } from '../support/parsed-sources.js';
import { type PackageName, workspaceRoot } from '../support/workspace.js';
import { vocabulary } from './vocabulary.js';

const document = readFileSync(join(workspaceRoot, 'docs', 'troubleshooting.md'), 'utf8');

/** The texts of a type that is one of several. */
function textsOf(packageName: PackageName, type: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) texts.push(node.literal.text);
    ts.forEachChild(node, visit);
  };
  visit(findExport(parsedSources(packageName), type).declaration);
  return texts;
}

/** The codes of all errors, in all languages. */
const codes = new Set([
  ...vocabulary.errors.map(({ code }) => code),
  ...vocabulary.serviceErrors.map(({ name }) => name),
  ...textsOf('channel', 'ChannelErrorCode'),
  ...textsOf('service', 'ServiceErrorCode'),
  ...textsOf('core', 'MmfErrorCode'),
  ...textsOf('codec', 'CodecErrorCode'),
  ...textsOf('generate', 'GenerateErrorCode'),
  ...textsOf('nats', 'BridgeErrorCode'),
]);

/** The entries of the document, by their codes. */
const entries = new Map(
  [...document.matchAll(/^### `(\w+)`\n\n((?:(?!^#).*\n?)*)/gm)].map(
    ([, code = '', text = '']) => [code, text.trim()] as const,
  ),
);

describe('troubleshooting', () => {
  test('has an entry for every error code, and for nothing else', () => {
    expect([...entries.keys()].sort()).toEqual([...codes].sort());
  });

  test.each([...codes])('says what %s means, and what to do', (code) => {
    // At least a sentence of what it means and one of what to do.
    expect(entries.get(code)?.match(/[.:](?:\s|$)/g)?.length).toBeGreaterThanOrEqual(2);
  });
});
