import { atExit, callAlone } from '@mmfbus/core/internal';
import { comes, neverOf, outcomeNow, type Subject, THROWN } from '../contract.js';
import { atOnce } from './at-once.js';

const NO_OTHER = 'it concerns no other process';
const OPENS_NOTHING = 'it opens nothing';

const exit: Subject = {
  name: 'core/internal.atExit',
  cells: {
    ...atOnce,
    ...neverOf('the end of processes is played by the exits', 'its callback throws'),
    ...neverOf(NO_OTHER, 'the peer dies', 'the peer is stopped'),
    ...neverOf(OPENS_NOTHING, 'without descriptors', 'without space'),
    'called twice': comes('settles, settles', async () => {
      const forget = [atExit(() => {}), atExit(() => {})];
      return forget.map((one) => outcomeNow(one)).join(', ');
    }),
    'called inside a handler': comes('settles', async () => outcomeNow(atExit(() => {}))),
    'called re-entrantly': comes('settles', async () => {
      const forget = atExit(() => {});
      forget();
      return outcomeNow(forget);
    }),
  },
};

const alone: Subject = {
  name: 'core/internal.callAlone',
  cells: {
    ...atOnce,
    'called twice': comes('1 2', async () => {
      const log: number[] = [];
      callAlone(() => log.push(1));
      callAlone(() => log.push(2));
      return log.join(' ');
    }),
    ...neverOf('it is the same everywhere', 'called inside a handler'),
    'called re-entrantly': comes('inner outer thrown', async (kit) => {
      const log: string[] = [];
      callAlone(() => {
        callAlone(() => {
          log.push('inner');
          throw THROWN;
        });
        log.push('outer');
      });
      return [...log, await kit.uncaughtSoFar()].join(' ');
    }),
    'its callback throws': comes('settles, settles, thrown thrown', async (kit) => {
      const outcomes = [1, 2].map(() =>
        outcomeNow(() =>
          callAlone(() => {
            throw THROWN;
          }),
        ),
      );
      return [...outcomes, await kit.uncaughtSoFar()].join(', ');
    }),
    ...neverOf(NO_OTHER, 'the peer dies', 'the peer is stopped'),
    ...neverOf(OPENS_NOTHING, 'without descriptors', 'without space'),
  },
};

/** What calls back at the end, or as if nothing else happened. */
export const hookSubjects: readonly Subject[] = [exit, alone];
