import ts from 'typescript';
import { findExport, parsedSources } from '../support/parsed-sources.js';

/** The steps that the protocol of a package has, in order: the members of its type. */
export function allSteps(name: 'channel' | 'service'): string[] {
  const steps: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) steps.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(findExport(parsedSources(name), 'Step').declaration);
  return steps.sort();
}
