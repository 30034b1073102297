import type { Subject } from '../contract.js';
import { publisherSubjects } from './publisher.js';

/** Everything exported that waits, iterates or calls back, as rows of the table. */
export const subjects: readonly Subject[] = [...publisherSubjects];
