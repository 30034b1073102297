import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { callInvariantLabels } from '../model/calls/invariants.js';
import { invariantLabels } from '../model/invariants.js';
import { type PackageName, sourceFiles } from '../support/workspace.js';

/** Words that say why take at least that many. */
const LEAST_WORDS = 4;

const checked = { channel: invariantLabels, service: callInvariantLabels } as const;
const packages = ['channel', 'service'] as const;

function commentsOf(name: PackageName): { readonly label: string; readonly reason: string }[] {
  return sourceFiles(name).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\/\/ INVARIANT: ([^.\n]+)\.?(.*)$/gm)].map(
      ([, label = '', reason = '']) => ({ label, reason: reason.trim() }),
    ),
  );
}

describe('invariants', () => {
  it.each(packages)('stand in the sources of %s by the labels that the model checks them by', (name) => {
    const labels = new Set(commentsOf(name).map(({ label }) => label));
    expect([...labels].sort()).toEqual([...checked[name]].sort());
  });

  it.each(packages)('give a reason in %s', (name) => {
    const bare = commentsOf(name).filter(({ reason }) => reason.split(/\s+/).length < LEAST_WORDS);
    expect(bare.map(({ label }) => label)).toEqual([]);
  });
});
