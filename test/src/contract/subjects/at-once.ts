import { neverOf, type Subject } from '../contract.js';

const AT_ONCE = 'it returns at once';

/** The cells of what waits for nothing. */
export const atOnce: Pick<
  Subject['cells'],
  | 'called after close'
  | 'closed while it waits'
  | 'called after drain'
  | 'drained while it waits'
  | 'aborted'
  | 'aborted before'
  | 'timed out'
  | 'cancelled'
  | 'its listener is removed'
> = neverOf(
  AT_ONCE,
  'called after close',
  'closed while it waits',
  'called after drain',
  'drained while it waits',
  'aborted',
  'aborted before',
  'timed out',
  'cancelled',
  'its listener is removed',
);
