import type { Violation } from './invariants.js';
import type { ScenarioName } from './scenarios.js';
import type { Edit } from './sources.js';

/** A mistake in the sources that the exploration of a scenario must find. */
export interface Mutant {
  readonly mistake: string;
  readonly scenario: ScenarioName;
  /** Other bounds than the scenario has. */
  readonly interruptions?: number;
  readonly edits: readonly Edit[];
  readonly breaks: Violation['label'];
  /** What must be seen in the shortest trace. */
  readonly trace: RegExp;
}

const LOCK = 'participants/publisher-lock.ts';
const TABLE = 'participants/participant-table.ts';
const MEMBER = 'participants/member.ts';

const OUTBOX = 'publishing/outbox.ts';
const WRITER = 'ring/ring-writer.ts';

const RING = '    this.#member.ringSubscribers();\n';
const COMMIT = '    this.#writer.commit();\n';
const WRITE = '      parcel.write(writer, this.#now());\n';
const SHOW_AND_RELEASE =
  "      this.#show(parcel.messages, parcel.bytes);\n      return 'published';\n    } finally {\n      lock.release();\n";
/** Who hears of a death looks again. */
const LOOK_AGAIN = '    callAlone(() => this.onRing?.());\n';

/** Who buries a dead publisher does not ring for it, nor look again itself. */
const BURY_SILENTLY: readonly Edit[] = [
  {
    file: MEMBER,
    from: '    this.#tellOfLeaving();\n  }',
    to: '    if (slot === this.slot) this.#tellOfLeaving();\n  }',
  },
  { file: MEMBER, from: LOOK_AGAIN, to: '' },
];

/** Mistakes that were made, or nearly made. */
export const mutants: readonly Mutant[] = [
  {
    mistake:
      'the bell is rung before the tail is stored, and the lock is not looked at before going to sleep',
    scenario: 'goingToSleep',
    edits: [
      { file: OUTBOX, from: COMMIT + RING, to: RING + COMMIT },
      { file: 'subscription.ts', from: 'const locked = lock.isHeld();', to: 'const locked = false;' },
    ],
    breaks: 'no lost wake-up',
    trace: /load sleepers: 0.*\n(?:.*\n)*.*store tail/,
  },
  {
    mistake: 'nobody is rung for what a dead publisher published',
    scenario: 'anotherPublisherStays',
    edits: BURY_SILENTLY,
    breaks: 'no lost wake-up',
    trace: /store tail.*\n(?:.*\n)*.*publisher +is killed/,
  },
  {
    mistake: 'the bell is rung after the lock was released, and not by who buries',
    scenario: 'anotherPublisherStays',
    edits: [
      { file: OUTBOX, from: COMMIT + RING, to: COMMIT },
      {
        file: OUTBOX,
        from: SHOW_AND_RELEASE,
        to: SHOW_AND_RELEASE.replace(
          'lock.release();\n',
          'lock.release();\n      this.#member.ringSubscribers();\n',
        ),
      },
      ...BURY_SILENTLY,
    ],
    breaks: 'no lost wake-up',
    trace: /publisherLock: 0x400 -> 0.*\n(?:.*\n)*publisher +is killed/,
  },
  {
    mistake: 'the tail is not looked at again before going to sleep',
    scenario: 'goingToSleep',
    edits: [
      {
        file: 'subscription.ts',
        from: 'this.#reader.loadTail() !== this.#reader.position ||',
        to: '',
      },
    ],
    breaks: 'no lost wake-up',
    trace: /store tail/,
  },
  {
    mistake: 'a publisher that leaves gives up its role before subscribers were told',
    scenario: 'leaving',
    edits: [
      {
        file: MEMBER,
        from: '    if (!this.#hasPublisherBeside(slot)) {',
        to: '    this.table.storeState(slot, STATE_NONE);\n    if (!this.#hasPublisherBeside(slot)) {',
      },
    ],
    breaks: 'no lost wake-up',
    trace: /store slot 0 state: 0.*\npublisher +is killed/,
  },
  {
    mistake: 'nobody watches over whoever claims the slot of the dead',
    scenario: 'buryingAndClaiming',
    edits: [
      {
        file: MEMBER,
        from: '    this.watchOver(state);\n    // INVARIANT',
        to: '    // INVARIANT',
      },
    ],
    breaks: 'no lost wake-up',
    trace: /joining +is killed/,
  },
  {
    mistake: 'nobody looks whether the slot has changed hands since the watch began',
    scenario: 'buryingAndClaiming',
    edits: [{ file: MEMBER, from: 'return this.table.isOwnedBy(slot, nonce);', to: 'return true;' }],
    breaks: 'no lost wake-up',
    trace: /joining +is killed/,
  },
  {
    mistake: 'who gets the slot of a dead subscriber does not ring those that it held back',
    scenario: 'waitingForRoomOfTheDead',
    edits: [
      { file: MEMBER, from: "    this.ringPublishers();\n    atStep?.('bury: role taken');\n", to: '' },
      { file: MEMBER, from: LOOK_AGAIN, to: '' },
    ],
    breaks: 'nobody waits for ever',
    trace: /subscriber +is killed/,
  },
  {
    mistake: 'publishers are rung before the cursor is stored',
    scenario: 'waitingForRoom',
    edits: [
      {
        file: 'subscription.ts',
        from: "    table.storeCursor(slot, this.#cursor);\n    atStep?.('read: cursor stored');\n    if (this.#reliable) this.#member.ringPublishers();\n",
        to: '    if (this.#reliable) this.#member.ringPublishers();\n    table.storeCursor(slot, this.#cursor);\n',
      },
    ],
    breaks: 'nobody waits for ever',
    trace: /load roomWaiters: 0.*\n(?:.*\n)*.*store slot 1 cursor/,
  },
  {
    mistake: 'the lock is taken over after some time, whoever holds it',
    scenario: 'twoPublishers',
    edits: [{ file: LOCK, from: ' || !this.#isHolderDead(slot, word >>> SLOT_BITS)', to: '' }],
    breaks: 'never taken from the living',
    trace: /takeOver/,
  },
  {
    mistake: 'the lock is taken over from another word than the one that was proved dead',
    scenario: 'threePublishers',
    interruptions: 2,
    edits: [
      {
        file: LOCK,
        from: 'if (Atomics.compareExchange(this.#words, LOCK, word, this.#own) !== word) return false;',
        to: 'Atomics.exchange(this.#words, LOCK, this.#own);',
      },
    ],
    breaks: 'never taken from the living',
    trace: /exchange publisherLock/,
  },
  {
    mistake: 'the generation of the holder is not compared',
    scenario: 'slotOfTheHolder',
    edits: [{ file: LOCK, from: 'this.#table.generationOf(slot) !== generation ||', to: '' }],
    breaks: 'nobody waits for ever',
    trace: /publisher +is killed/,
  },
  {
    mistake: 'the lock is released before the frame is written',
    scenario: 'twoPublishers',
    edits: [{ file: OUTBOX, from: WRITE, to: `lock.release();\n${WRITE}` }],
    breaks: 'one writer at a time',
    trace: /write ring/,
  },
  {
    mistake: 'the frame ends without a terminator',
    scenario: 'twoPublishers',
    edits: [
      {
        file: WRITER,
        from: 'writeTerminator(this.#ringWords, this.#wordOf(this.#end), this.nextSequence);',
        to: '',
      },
    ],
    breaks: 'every message once',
    trace: /store tail/,
  },
  {
    mistake: 'a reader does not look whether what it copied was overwritten',
    scenario: 'lapping',
    edits: [
      {
        file: 'ring/ring-reader.ts',
        from: 'return this.#head > position;',
        to: 'return false;',
      },
    ],
    breaks: 'no unexpected error',
    trace: /frame of kind 3/,
  },
  {
    mistake: 'who wakes up is uncounted before the flag is cleared',
    scenario: 'goingToSleep',
    edits: [
      {
        file: TABLE,
        from: "    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, 0);\n    atStep?.('wake: flag cleared');\n    Atomics.sub(this.#words, this.#sleepCounter(slot), 1);\n",
        to: '    Atomics.sub(this.#words, this.#sleepCounter(slot), 1);\n    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, 0);\n',
      },
    ],
    breaks: 'sleepers are counted',
    trace: /sub sleepers/,
  },
  {
    mistake: 'who falls asleep is counted after the flag is set',
    scenario: 'goingToSleep',
    edits: [
      { file: TABLE, from: '    Atomics.add(this.#words, this.#sleepCounter(slot), 1);\n', to: '' },
      {
        file: TABLE,
        from: '    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, sleep);\n',
        to: '    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, sleep);\n    Atomics.add(this.#words, this.#sleepCounter(slot), 1);\n',
      },
    ],
    breaks: 'sleepers are counted',
    trace: /store slot 1 asleep/,
  },
  {
    mistake: 'a slot is claimed whoever has it',
    scenario: 'slotOfOneThatLeft',
    edits: [
      {
        file: MEMBER,
        from: "if (address === undefined || probeLife(address) !== 'dead') continue;",
        to: 'if (address === undefined) continue;',
      },
    ],
    breaks: 'a slot has one owner',
    trace: /compareExchange slot \d nonce/,
  },
  {
    mistake: 'who leaves last removes the ports of those who join',
    scenario: 'twoClaimers',
    edits: [
      {
        file: MEMBER,
        from: 'if (!this.#isProvedDead(address)) return undefined;\n      dead',
        to: 'dead',
      },
    ],
    breaks: 'a living port stays',
    trace: /=> a living port stays/,
  },
  {
    mistake: 'who disconnects a subscriber does not ring those that wait for it too',
    scenario: 'waitingForOneWhoIsGivenUp',
    edits: [{ file: OUTBOX, from: '      member.ringPublishers(),\n', to: '      undefined,\n' }],
    breaks: 'nobody waits for ever',
    trace: /compareExchange slot 0 state: 2 -> 4/,
  },
  {
    mistake:
      'who disconnects a subscriber rings those that wait for it too only after that, and may die in between',
    scenario: 'waitingForOneWhoIsGivenUp',
    edits: [
      {
        file: WRITER,
        from: '    this.#beforeDisconnecting();\n    this.#table.disconnect(slot, reason);\n',
        to: '    this.#table.disconnect(slot, reason);\n    this.#beforeDisconnecting();\n',
      },
    ],
    breaks: 'nobody waits for ever',
    trace: /compareExchange slot 0 state: 2 -> 4.*\n(?:.*\n)*impatient +is killed/,
  },
  {
    mistake: 'a dead publisher is buried with its slot freed first',
    scenario: 'anotherPublisherStays',
    interruptions: 1,
    edits: [
      {
        file: MEMBER,
        from: '    this.#inherit(slot);\n    // It may have given up',
        to: '    this.table.release(slot, address.nonce);\n    this.#inherit(slot);\n    // It may have given up',
      },
    ],
    breaks: 'a slot has one owner',
    trace: /compareExchange slot 0 nonce: 1 -> 0/,
  },
  {
    mistake: 'the head is moved only after frames were overwritten',
    scenario: 'lapping',
    edits: [
      {
        file: WRITER,
        from: '    this.#moveHead(overwritten);\n    return true;',
        to: '    this.late = overwritten;\n    return true;',
      },
      {
        file: WRITER,
        from: '    this.tail = this.#end;\n',
        to: '    if (this.late) this.#moveHead(this.late);\n    this.late = 0;\n    this.tail = this.#end;\n',
      },
    ],
    breaks: 'no unexpected error',
    trace: /number|frame of kind/,
  },
];
