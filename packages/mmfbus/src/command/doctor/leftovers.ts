import { basename } from 'node:path';
import { findLeftovers, type Leftover } from '@mmfbus/core/internal';
import { printable } from '@mmfbus/terminal';
import { pause } from '../pause.js';
import { bytes } from '../units.js';
import type { Fact, Finding } from './finding.js';

/** Milliseconds between two looks, and looks without any change after which it gives up. */
const LOOK_MS = 20;
const MOST_LOOKS = 100;

/** What the dead have left. To be called before a channel or the bus is opened, which removes it. */
export function leftoversNow(): readonly Leftover[] {
  return findLeftovers();
}

/** Waits until what was left is removed, as opening the bus has begun to. */
export async function awaitRemoval(left: readonly Leftover[], signal: AbortSignal): Promise<void> {
  const paths = new Set(left.map(({ path }) => path));
  let before = paths.size;
  for (let looks = 0; before > 0 && looks < MOST_LOOKS; looks++) {
    if (!(await pause(LOOK_MS, signal))) return;
    const now = findLeftovers().filter(({ path }) => paths.has(path)).length;
    if (now < before) looks = 0;
    before = now;
  }
}

/** Says what was left, and what has become of it. */
export function describeLeftovers(left: readonly Leftover[], isFixing: boolean): readonly (Finding | Fact)[] {
  const still = new Set(findLeftovers().map(({ path }) => path));
  return left.map(({ path, bytes: size, proof }) => {
    const what = `leftover ${printable(basename(path))}${size > 0 ? `, ${bytes(size)}` : ''}: ${proof}`;
    if (!still.has(path)) return { level: 'fact', text: `${what}; removed` };
    const remedy = isFixing
      ? `it could not be removed: rm ${printable(path)}`
      : 'mmfbus doctor --fix removes it, and so does the next program that joins a channel';
    return { level: 'hint', text: what, remedy };
  });
}
