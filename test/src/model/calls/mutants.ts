import { type Change, inside } from '../changes.js';
import type { CallInvariantLabel } from './invariants.js';
import type { CallScenarioName } from './scenarios.js';

/** A mistake in the sources of calls that the exploration of a scenario must find. */
export interface CallMutant {
  readonly mistake: string;
  readonly scenario: CallScenarioName;
  readonly changes: readonly Change[];
  readonly breaks: CallInvariantLabel | 'no unexpected error';
}

const FREED_AT_ONCE = inside('CallTable.cancel').insert('this.release(call)').after('ring');
const BY_THE_CELL_ALONE = inside('AnswerReader.take')
  .insert('if (call !== undefined) head.id = call.id')
  .before('isFrom');

const LOOKED_BEFORE_IT_RAISED: readonly Change[] = [
  inside('Cells.permit').let('load').be('waiting'),
  inside('Cells.permit').insert('const waiting = Atomics.load(this.#words, word + WAITS)').before('add'),
];

/** Mistakes that were made, or nearly made. */
export const callMutants: readonly CallMutant[] = [
  {
    mistake: 'a call is started by a plain store',
    scenario: 'givingUp',
    changes: [
      inside('Cells.start')
        .let('exchange')
        .be('(Atomics.store(this.#words, this.#wordOf(cell), wordOf(id, CELL_STARTED)), true)'),
    ],
    breaks: 'a call that is withdrawn never runs',
  },
  {
    mistake: 'a call is withdrawn by a plain store',
    scenario: 'deathOfAServer',
    changes: [
      inside('Cells.withdraw')
        .let('exchange')
        .be('(Atomics.store(this.#words, this.#wordOf(cell), wordOf(id, CELL_WITHDRAWN)), true)'),
    ],
    breaks: 'no call runs twice',
  },
  {
    mistake: 'the mailbox is not read to its end when a server is gone',
    scenario: 'drainingTheOnlyServer',
    changes: [inside('Calls.lose').leaveOut('readAll')],
    breaks: 'an answer that was sent is not lost',
  },
  {
    mistake: 'the slot in the registry is freed before the last answer',
    scenario: 'drainingTheOnlyServer',
    changes: [inside('Serving.drain').insert('await this.#seat.leave()').before('idle')],
    breaks: 'an answer that was sent is not lost',
  },
  {
    mistake: 'a call that has started goes to another server when its own is gone',
    scenario: 'deathOfAServer',
    changes: [inside('Calls.lose').let('mayRunTwice').be('true')],
    breaks: 'no call runs twice',
  },
  {
    mistake: 'a cell is used again without another number',
    scenario: 'cellUsedAgain',
    changes: [inside('CallTable.claim').insert('call.id = 1').before('byCell')],
    breaks: 'a call that is withdrawn never runs',
  },
  {
    mistake: 'answers are told apart by the cell alone, which is free at once after a cancel',
    scenario: 'cellUsedAgainAfterACancel',
    changes: [BY_THE_CELL_ALONE, FREED_AT_ONCE],
    breaks: 'no answer is given to another call',
  },
  {
    mistake: 'the cell is set to waiting after the call was sent',
    scenario: 'callAndAnswer',
    changes: [
      inside('CallRouting.sendTo').leaveOut('prepare'),
      inside('CallRouting.sent')
        .insert('this.#table.mailbox.cells.prepare(call.cell, call.id)')
        .before('hasAnswered'),
    ],
    breaks: 'no call hangs',
  },
  {
    mistake: 'a cell that becomes free wakes no call in line for it',
    scenario: 'cellUsedAgain',
    changes: [inside('CallTable.release').leaveOut('schedule')],
    breaks: 'no call hangs',
  },
  {
    mistake: 'the server is rung before the call is cancelled',
    scenario: 'givingUpWhatRuns',
    changes: [
      inside('CallTable.cancel').leaveOut('ring'),
      inside('CallTable.cancel').insert('call.link?.ring()').before('cancel'),
    ],
    breaks: 'a handler learns that its call was given up',
  },
  {
    mistake: 'a server does not look at the words of running calls after it has said that it sleeps',
    scenario: 'givingUpWhatRuns',
    changes: [inside('Serving.pumped').let('hasNews').be('false')],
    breaks: 'a handler learns that its call was given up',
  },
  {
    mistake: 'a client is rung before it is refused',
    scenario: 'refused',
    changes: [inside('Callers.refuse').move('ringAnyway').before('store')],
    breaks: 'no call hangs',
  },
  {
    mistake: 'a client that is refused is rung only where it sleeps in the inbox',
    scenario: 'refused',
    changes: [inside('Callers.refuse').let('ringAnyway').be('this.#participant.ringSleeper(slot)')],
    breaks: 'no call hangs',
  },
  {
    mistake: 'a client does not look at the registry after it has said that it sleeps',
    scenario: 'drainingWithALongCall',
    changes: [inside('ClientSeat.fallAsleep').let('hasNews').be('false')],
    breaks: 'no call hangs',
  },
  {
    mistake: 'a client does not look with the lock held whether the server drains',
    scenario: 'oneWay',
    changes: [inside('CallAppend.isAllowed').let('phaseOf').be('PHASE_SERVING')],
    breaks: 'a one-way call runs unless its server dies',
  },
  {
    mistake: 'a server that drains does not take what was committed before',
    scenario: 'oneWay',
    changes: [inside('Serving.closeInbox').let('handled').be('end')],
    breaks: 'a one-way call runs unless its server dies',
  },
  {
    mistake: 'who takes items looks whether the other side waits before it raises the credit',
    scenario: 'streamOfAnswers',
    changes: LOOKED_BEFORE_IT_RAISED,
    breaks: 'no call hangs',
  },
  {
    mistake: 'the same, for items of an input',
    scenario: 'streamOfInputs',
    changes: LOOKED_BEFORE_IT_RAISED,
    breaks: 'no call hangs',
  },
  {
    mistake: 'a server that waits for credit does not look again after it has said so',
    scenario: 'streamOfAnswers',
    changes: [inside('AnswerSender.awaitCredit').move('awaitCredit').before('Promise')],
    breaks: 'no call hangs',
  },
  {
    mistake: 'a client does not look at the credit of its inputs after it has said that it sleeps',
    scenario: 'streamOfInputs',
    changes: [inside('Calls.hasNews').let('look').be('false')],
    breaks: 'no call hangs',
  },
];
