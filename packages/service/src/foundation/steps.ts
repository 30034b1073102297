/**
 * Points of the protocol of calls at which a process may die, named after what it has just done. Beside those of
 * `@mmfbus/channel`; the tests kill processes at each of them, or have them wait there for what others do.
 */
export type Step =
  | 'serve: inbox joined'
  | 'serve: registry joined'
  | 'client: registry joined'
  | 'client: mailbox joined'
  | 'client: inbox joined'
  | 'call: cell waiting'
  | 'call: sent'
  | 'call: withdrawn'
  | 'call: cancelled'
  | 'call: answer read'
  | 'call: waits for credit'
  | 'call: item sent'
  | 'call: credit raised'
  | 'call: moved'
  | 'server: call taken'
  | 'server: mailbox joined'
  | 'server: refused'
  | 'server: started'
  | 'server: handler ended'
  | 'server: done raised'
  | 'server: answered'
  | 'server: item sent'
  | 'server: credit raised'
  | 'drain: registry says so'
  | 'drain: inbox says so'
  | 'drain: handlers ended'
  | 'drain: mailboxes left'
  | 'drain: inbox left'
  | 'drain: registry left'
  | 'leave: calls given up'
  | 'leave: inboxes left'
  | 'leave: mailbox left';

/** Name of the global under which a test leaves its hook before this package is loaded. */
const HOOK: unique symbol = Symbol.for('mmfbus.steps') as never;

/** Told of each step by the process that takes it; undefined but in tests. */
export const atStep: ((step: Step) => void) | undefined = (globalThis as { [HOOK]?: (step: Step) => void })[
  HOOK
];
