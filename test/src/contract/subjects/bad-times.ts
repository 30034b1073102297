import { outcomeNow } from '../contract.js';
import type { Kit } from '../kit.js';

export interface Opened {
  close(): void;
}

/** How it comes out while something is missing, what is left of it, and how it comes out after that. */
export async function inBadTimes(
  kit: Kit,
  open: () => Opened,
  meanwhile: (action: () => Promise<string>) => Promise<string>,
): Promise<string> {
  // What is there before is there after, and no more.
  open().close();
  const before = kit.leftovers().length;
  const during = await meanwhile(async () => outcomeNow(() => void kit.closing(open())));
  const isLeft = during !== 'settles' && kit.leftovers().length > before;
  const after = outcomeNow(() => void kit.closing(open()));
  return `${during}, ${isLeft ? 'something left' : 'nothing left'}, then ${after}`;
}
