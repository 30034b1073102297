import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { invariantLabels } from '../model/invariants.js';
import { sourceFiles } from '../support/workspace.js';

/** Words that say why take at least that many. */
const LEAST_WORDS = 4;

const comments = sourceFiles('channel').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/\/\/ INVARIANT: ([^.\n]+)\.?(.*)$/gm)].map(
    ([, label = '', reason = '']) => ({ label, reason: reason.trim() }),
  ),
);

describe('invariants', () => {
  it('stand in the sources by the labels that the model checks them by', () => {
    const labels = new Set(comments.map(({ label }) => label));
    expect([...labels].sort()).toEqual([...invariantLabels].sort());
  });

  it('give a reason', () => {
    const bare = comments.filter(({ reason }) => reason.split(/\s+/).length < LEAST_WORDS);
    expect(bare.map(({ label }) => label)).toEqual([]);
  });
});
