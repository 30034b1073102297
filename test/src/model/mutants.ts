import { type Change, inside } from './changes.js';
import type { InvariantLabel } from './invariants.js';
import type { ScenarioName } from './scenarios.js';

/** A mistake in the sources that the exploration of a scenario must find. */
export interface Mutant {
  readonly mistake: string;
  readonly scenario: ScenarioName;
  /** Other bounds than the scenario has. */
  readonly interruptions?: number;
  readonly changes: readonly Change[];
  readonly breaks: InvariantLabel | 'no unexpected error';
  /** What must be seen in the shortest trace. */
  readonly trace: RegExp;
}

/** Who hears of a death does not look again. */
const LOOK_NO_MORE = inside('Participant.onDeath').let('rung').be('{ call() {} }');

/** Who reclaims a dead publisher does not ring for it, nor look again itself. */
const RECLAIM_SILENTLY: readonly Change[] = [
  inside('Roles.end').leaveOut('tellOfLeaving'),
  inside('Roles.leave').insert('this.tellOfLeaving()').after('end'),
  LOOK_NO_MORE,
];

/** Mistakes that were made, or nearly made. */
export const mutants: readonly Mutant[] = [
  {
    mistake:
      'the bell is rung before the tail is stored, and the lock is not looked at before going to sleep',
    scenario: 'goingToSleep',
    changes: [
      inside('Appender.show').move('ringForFrames').before('commit'),
      inside('Receiver.fallAsleep').let('isHeld').be('false'),
    ],
    breaks: 'no lost wake-up',
    trace: /load sleepers: 0.*\n(?:.*\n)*.*store tail/,
  },
  {
    mistake: 'no bell is rung for what a dead publisher published',
    scenario: 'anotherPublisherStays',
    changes: RECLAIM_SILENTLY,
    breaks: 'no lost wake-up',
    trace: /store tail.*\n(?:.*\n)*.*publisher +is killed/,
  },
  {
    mistake: 'the bell is rung after the lock was released, and not by who reclaims',
    scenario: 'anotherPublisherStays',
    changes: [
      inside('Appender.show').leaveOut('ringForFrames'),
      inside('Appender.commit').insert('this.#participant.ringForFrames()').after('release'),
      ...RECLAIM_SILENTLY,
    ],
    breaks: 'no lost wake-up',
    trace: /store publisherLock: 0.*\n(?:.*\n)*publisher +is killed/,
  },
  {
    mistake: 'the tail is not looked at again before going to sleep',
    scenario: 'goingToSleep',
    changes: [inside('Receiver.fallAsleep').let('loadTail').be('this.#reader.position')],
    breaks: 'no lost wake-up',
    trace: /store tail/,
  },
  {
    mistake: 'a publisher that leaves gives up its role before subscribers were told',
    scenario: 'leaving',
    changes: [inside('Roles.end').insert('this.#table.storeState(slot, STATE_NONE)').before('hasPublisher')],
    breaks: 'no lost wake-up',
    trace: /store slot 0 state: 0.*\npublisher +is killed/,
  },
  {
    mistake: 'the new owner of a dead slot is not watched',
    scenario: 'reclaimingAndClaiming',
    changes: [inside('Participant.onDeath').leaveOut('watchOver')],
    breaks: 'no lost wake-up',
    trace: /joining +is killed/,
  },
  {
    mistake: 'no second look whether the slot has changed hands since the watch began',
    scenario: 'reclaimingAndClaiming',
    changes: [inside('DeathWatch.watchSlot').let('isOwnedBy').be('true')],
    breaks: 'no lost wake-up',
    trace: /joining +is killed/,
  },
  {
    mistake: 'who gets the slot of a dead subscriber does not ring those that it held back',
    scenario: 'waitingForRoomOfTheDead',
    changes: [inside('Reaper.reclaimNow').leaveOut('ringForRoom'), LOOK_NO_MORE],
    breaks: 'no wait for a dead participant',
    trace: /subscriber +is killed/,
  },
  {
    mistake: 'publishers are rung before the cursor is stored',
    scenario: 'waitingForRoom',
    changes: [inside('Receiver.storeCursor').move('ringForRoom').before('storeCursor')],
    breaks: 'no wait for a dead participant',
    trace: /load roomWaiters: 0.*\n(?:.*\n)*.*store slot 1 cursor/,
  },
  {
    mistake: 'the lock is taken over after some time, from any holder',
    scenario: 'twoPublishers',
    changes: [inside('PublisherLock.takeOver').let('isHolderDead').be('true')],
    breaks: 'never taken from a living holder',
    trace: /takeOver/,
  },
  {
    mistake: 'the lock is taken over from another word than the one that was proved dead',
    scenario: 'threePublishers',
    interruptions: 2,
    changes: [
      inside('PublisherLock.takeOver')
        .let('compareExchange')
        .be('(Atomics.exchange(this.#words, LOCK, this.#own), word)'),
    ],
    breaks: 'never taken from a living holder',
    trace: /exchange publisherLock/,
  },
  {
    mistake: 'the generation of the holder is not compared',
    scenario: 'slotOfTheHolder',
    changes: [inside('PublisherLock.isHolderDead').let('generationOf').be('generation')],
    breaks: 'no wait for a dead participant',
    trace: /publisher +is killed/,
  },
  {
    mistake: 'the lock is released before the frame is written',
    scenario: 'twoPublishers',
    changes: [inside('Appender.commit').insert('lock.release()').before('write')],
    breaks: 'one writer at a time',
    trace: /write ring/,
  },
  {
    mistake: 'the frame ends without a terminator',
    scenario: 'twoPublishers',
    changes: [inside('RingWriter.commit').leaveOut('writeTerminator')],
    breaks: 'every message once',
    trace: /store tail/,
  },
  {
    mistake: 'a reader does not look whether what it copied was overwritten',
    scenario: 'lapping',
    changes: [inside('RingCopy.copy').let('isOverwritten').be('false')],
    breaks: 'no unexpected error',
    trace: /frame of kind 3/,
  },
  {
    mistake: 'who wakes up is uncounted before the flag is cleared',
    scenario: 'goingToSleep',
    changes: [inside('ParticipantTable.wakeUp').move('wake: counted out').before('wake: flag cleared')],
    breaks: 'sleepers are counted',
    trace: /add sleepers/,
  },
  {
    mistake: 'who falls asleep is counted after the flag is set',
    scenario: 'goingToSleep',
    changes: [inside('ParticipantTable.fallAsleep').move('sleep: counted').after('sleep: flagged')],
    breaks: 'sleepers are counted',
    trace: /store slot 1 asleep/,
  },
  {
    mistake: 'who joins does not ring those that wait for it',
    scenario: 'waitingForSubscribers',
    changes: [inside('Roles.take').leaveOut('ringForMembers')],
    breaks: 'no wait for a dead participant',
    trace: /store slot 1 state: 2/,
  },
  {
    mistake: 'a slot is claimed although it has an owner',
    scenario: 'slotOfOneThatLeft',
    changes: [inside('claimSlot').let('probeLife').be("'dead'")],
    breaks: 'a slot has one owner',
    trace: /compareExchange slot \d nonce/,
  },
  {
    mistake: 'the last one to leave removes the ports of participants that join',
    scenario: 'twoClaimers',
    changes: [inside('Reaper.leftBehind').let('isProvedDead').be('true')],
    breaks: 'a living port stays',
    trace: /=> a living port stays/,
  },
  {
    mistake: 'who disconnects a subscriber does not ring those that wait for it too',
    scenario: 'waitingForOneWhoIsGivenUp',
    changes: [inside('ReliableCursors.disconnect').leaveOut('before')],
    breaks: 'no wait for a dead participant',
    trace: /compareExchange slot 0 state: 2 -> 4/,
  },
  {
    mistake:
      'who disconnects a subscriber rings those that wait for it too only after that, and may die in between',
    scenario: 'waitingForOneWhoIsGivenUp',
    changes: [inside('ReliableCursors.disconnect').move('before').after('disconnect')],
    breaks: 'no wait for a dead participant',
    trace: /compareExchange slot 0 state: 2 -> 4.*\n(?:.*\n)*impatient +is killed/,
  },
  {
    mistake: 'a dead publisher is reclaimed with its slot freed first',
    scenario: 'anotherPublisherStays',
    interruptions: 1,
    changes: [inside('Reaper.reclaimNow').insert('table.release(slot, address.nonce)').before('inherit')],
    breaks: 'a slot has one owner',
    trace: /compareExchange slot 0 nonce: 1 -> 0/,
  },
  {
    mistake: 'the head is moved only after frames were overwritten',
    scenario: 'lapping',
    changes: [
      inside('RingWriter.reserve').let('moveHead').be('this.late = overwritten'),
      inside('RingWriter.commit')
        .insert('if (this.late) this.#moveHead(this.late); this.late = 0')
        .after('storeWords'),
    ],
    breaks: 'no unexpected error',
    trace: /number|frame of kind/,
  },
];
