import type { Machine } from './environment.js';
import { awaits, holdsBack, joinsAndLeaves, publishes, subscribes } from './programs.js';
import type { ProcessPlan, Scenario } from './world.js';

/** What participants of one channel do. */
export interface ChannelScenario extends Scenario<Machine> {
  /** Slots of the table of participants. */
  readonly slots: number;
  /** Bytes of the ring; a frame takes 32. */
  readonly ring: number;
}

/** Bytes of a ring with room for all that is published. */
const WIDE = 128;
/** Bytes of a ring with room for one frame: the next one waits until it was taken. */
const NARROW = 64;

const subscriber: ProcessPlan<Machine> = { name: 'subscriber', program: subscribes() };
const mortalPublisher: ProcessPlan<Machine> = {
  name: 'publisher',
  program: publishes({ count: 1 }),
  mortal: true,
};

/** Name of one of the {@link scenarios}. */
export type ScenarioName =
  | 'goingToSleep'
  | 'goingToSleepAgain'
  | 'leaving'
  | 'twoSubscribers'
  | 'waitingForRoom'
  | 'dyingWhileItWaitsForRoom'
  | 'waitingForRoomOfTheDead'
  | 'waitingForOneWhoIsGivenUp'
  | 'waitingForSubscribers'
  | 'waitingForSubscribersThatLeave'
  | 'lapping'
  | 'anotherPublisherStays'
  | 'twoPublishers'
  | 'threePublishers'
  | 'slotOfOneThatLeft'
  | 'slotOfTheHolder'
  | 'twoClaimers'
  | 'reclaimingAndClaiming'
  | 'joiningWhileTheLastLeaves';

/** What is explored, and within which bounds. Where nothing else is said, one of the mortal processes may die. */
export const scenarios: Readonly<Record<ScenarioName, ChannelScenario>> = {
  goingToSleep: { slots: 2, ring: WIDE, processes: [mortalPublisher, subscriber] },
  goingToSleepAgain: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [{ name: 'publisher', program: publishes({ count: 2 }), mortal: true }, subscriber],
  },
  leaving: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [
      { name: 'publisher', program: publishes({ count: 1, leaves: true }), mortal: true },
      subscriber,
    ],
  },
  twoSubscribers: {
    slots: 3,
    ring: WIDE,
    interruptions: 0,
    processes: [
      { name: 'reliable', program: subscribes(), sleepsAtStart: true },
      { name: 'lossy', program: subscribes('lossy'), sleepsAtStart: true },
      mortalPublisher,
    ],
  },
  waitingForRoom: {
    slots: 2,
    ring: NARROW,
    interruptions: 1,
    processes: [
      { name: 'publisher', program: publishes({ count: 2 }) },
      { name: 'subscriber', program: subscribes(), mortal: true },
    ],
  },
  dyingWhileItWaitsForRoom: {
    slots: 2,
    ring: NARROW,
    interruptions: 0,
    processes: [{ name: 'publisher', program: publishes({ count: 2 }), mortal: true }, subscriber],
  },
  waitingForRoomOfTheDead: {
    slots: 2,
    ring: NARROW,
    interruptions: 0,
    kills: 2,
    processes: [
      { name: 'publisher', program: publishes({ count: 2 }) },
      { name: 'subscriber', program: subscribes(), mortal: true },
      { name: 'joining', program: joinsAndLeaves('subscriber'), mortal: true },
    ],
  },
  waitingForOneWhoIsGivenUp: {
    slots: 3,
    ring: NARROW,
    interruptions: 1,
    processes: [
      { name: 'slow', program: holdsBack() },
      { name: 'patient', program: publishes({ count: 2 }) },
      { name: 'impatient', program: publishes({ count: 1, disconnects: true }), mortal: true },
    ],
  },
  waitingForSubscribers: {
    slots: 2,
    ring: WIDE,
    interruptions: 2,
    processes: [
      { name: 'waiting', program: awaits(1) },
      { name: 'joining', program: holdsBack({ joins: true }) },
    ],
  },
  waitingForSubscribersThatLeave: {
    slots: 4,
    ring: WIDE,
    interruptions: 1,
    processes: [
      { name: 'waiting', program: awaits(2) },
      { name: 'there', program: holdsBack() },
      { name: 'leaving', program: joinsAndLeaves('subscriber'), mortal: true },
      { name: 'joining', program: holdsBack({ joins: true }) },
    ],
  },
  lapping: {
    slots: 2,
    ring: NARROW,
    interruptions: 1,
    plainSteps: true,
    processes: [
      { name: 'publisher', program: publishes({ count: 2 }) },
      { name: 'subscriber', program: subscribes('lossy') },
    ],
  },
  anotherPublisherStays: {
    slots: 3,
    ring: WIDE,
    interruptions: 0,
    processes: [mortalPublisher, { name: 'idle', program: publishes({ count: 0 }) }, subscriber],
  },
  twoPublishers: {
    slots: 2,
    ring: WIDE,
    interruptions: 3,
    kills: 2,
    processes: [
      { name: 'one', program: publishes({ count: 2 }), mortal: true },
      { name: 'two', program: publishes({ count: 1 }), mortal: true },
    ],
  },
  threePublishers: {
    slots: 3,
    ring: WIDE,
    interruptions: 1,
    processes: [
      { name: 'one', program: publishes({ count: 1 }), mortal: true },
      { name: 'two', program: publishes({ count: 1 }) },
      { name: 'three', program: publishes({ count: 1 }) },
    ],
  },
  slotOfOneThatLeft: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [
      { name: 'leaving', program: publishes({ count: 0, leaves: true }) },
      { name: 'waiting', program: publishes({ count: 1 }) },
      { name: 'joining', program: joinsAndLeaves('publisher') },
    ],
  },
  slotOfTheHolder: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [
      mortalPublisher,
      { name: 'idle', program: publishes({ count: 0 }) },
      { name: 'joining', program: joinsAndLeaves('publisher') },
    ],
  },
  twoClaimers: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [
      { name: 'dead', program: publishes({ count: 0 }), deadAtStart: true },
      { name: 'one', program: joinsAndLeaves('publisher'), mortal: true },
      { name: 'two', program: joinsAndLeaves('subscriber') },
    ],
  },
  reclaimingAndClaiming: {
    slots: 2,
    ring: WIDE,
    interruptions: 1,
    processes: [
      subscriber,
      { name: 'dead', program: publishes({ count: 0 }), deadAtStart: true },
      { name: 'joining', program: joinsAndLeaves('publisher'), mortal: true },
    ],
  },
  joiningWhileTheLastLeaves: {
    slots: 3,
    ring: WIDE,
    interruptions: 0,
    processes: [
      { name: 'leaving', program: publishes({ count: 0, leaves: true }) },
      { name: 'joining', program: publishes({ count: 0, joins: true }), mortal: true },
      subscriber,
    ],
  },
};
