import { BusiestHours } from './busiest-hours.js';
import { Delays } from './delays.js';
import { Distances } from './distances.js';
import type { Summary } from './summary.js';

/** The kinds of subscribers there are, by name. */
export const summaries: Readonly<Record<SummaryName, () => Summary>> = {
  hours: () => new BusiestHours(),
  delays: () => new Delays(),
  distances: () => new Distances(),
};

/** Names a kind of subscriber. */
export type SummaryName = 'hours' | 'delays' | 'distances';

/** All names, in the order in which they are shown. */
export const summaryNames: readonly SummaryName[] = ['hours', 'delays', 'distances'];
