import { describe, expect, it } from 'vitest';
import { declaredFunctions, loadedFunctions } from './exported.js';
import { subjects } from './subjects/index.js';

/** What is loaded and not declared. */
const internals: readonly string[] = [];

describe('the table of the contract', () => {
  const declared = declaredFunctions();
  const named = subjects.map(({ name }) => name);

  it('has every exported function that waits, iterates or calls back', () => {
    const missing = [...declared].filter(([name, { kinds }]) => kinds.size > 0 && !named.includes(name));
    expect(missing.map(([name, { kinds }]) => `${name} (${[...kinds].join(', ')})`)).toEqual([]);
  });

  it('has nothing else, and nothing twice', () => {
    expect(named.filter((name) => (declared.get(name)?.kinds.size ?? 0) === 0)).toEqual([]);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });

  it('knows all that is loaded', async () => {
    const loaded = await loadedFunctions();
    expect(loaded.filter((name) => !declared.has(name))).toEqual(internals);
    const missing = [...declared].filter(([name, { isLoaded }]) => isLoaded && !loaded.includes(name));
    expect(missing.map(([name]) => name)).toEqual([]);
  });
});
