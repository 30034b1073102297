/**
 * Points of the protocol at which a process may die, named after what it has just done. The tests kill processes at
 * each of them.
 */
export type Step =
  | 'create: filled'
  | 'create: opened'
  | 'claim: nonce stored'
  | 'claim: generation raised'
  | 'claim: counted'
  | 'claim: identity cleared'
  | 'claim: identity written'
  | 'lock: taken'
  | 'lock: taken over'
  | 'lock: released'
  | 'join: cursor stored'
  | 'join: state stored'
  | 'join: epoch raised'
  | 'join: done'
  | 'publish: head moved'
  | 'publish: padding written'
  | 'publish: frame written'
  | 'publish: committed'
  | 'publish: rung'
  | 'ring: sent'
  | 'read: copied'
  | 'read: cursor stored'
  | 'sleep: counted'
  | 'sleep: wants stored'
  | 'sleep: numbered'
  | 'sleep: flagged'
  | 'wake: flag cleared'
  | 'wake: counted out'
  | 'disconnect: reason stored'
  | 'disconnect: state stored'
  | 'leave: reason stored'
  | 'leave: closed'
  | 'leave: end stored'
  | 'leave: state stored'
  | 'leave: epoch raised'
  | 'leave: nonce cleared'
  | 'leave: unmapped'
  | 'reclaim: begun'
  | 'reclaim: role taken'
  | 'reclaim: port removed';

/** Name of the global under which a test leaves its hook before this package is loaded. */
const HOOK: unique symbol = Symbol.for('mmfbus.steps') as never;

/**
 * Told of each step by the process that takes it; undefined but in tests. A constant from the loading of this module on,
 * so that compiled code holds nothing of it.
 */
export const atStep: ((step: Step) => void) | undefined = (globalThis as { [HOOK]?: (step: Step) => void })[
  HOOK
];
