import type { Subject } from '../contract.js';
import { busSubjects } from './bus.js';
import { eventSubjects } from './events.js';
import { hookSubjects } from './hooks.js';
import { joiningSubjects } from './joining.js';
import { mappingSubjects } from './mapping.js';
import { memberSubjects } from './members.js';
import { observingSubjects } from './observing.js';
import { openingSubjects } from './opening.js';
import { portSubjects } from './ports.js';
import { publisherSubjects } from './publisher.js';
import { serviceSubjects } from './services.js';
import { subscriberSubjects } from './subscriber.js';
import { takingSubjects } from './taking.js';

/** Everything exported that waits, iterates or calls back, as rows of the table. */
export const subjects: readonly Subject[] = [
  ...joiningSubjects,
  ...busSubjects,
  ...publisherSubjects,
  ...subscriberSubjects,
  ...takingSubjects,
  ...eventSubjects,
  ...memberSubjects,
  ...mappingSubjects,
  ...observingSubjects,
  ...openingSubjects,
  ...portSubjects,
  ...hookSubjects,
  ...serviceSubjects,
];
