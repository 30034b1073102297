import { callLayout } from '@mmfbus/channel/internal';
import type { FailedOperation, Value } from '../operations.js';
import type { Draft, State, Violation } from '../state.js';
import type { Judge, World } from '../world.js';
import type { CallsEnvironment, CallsMachine } from './environment.js';
import { answerTo, MISTAKEN, outcomeOf, type PlannedCall } from './programs.js';
import type { CallsScenario } from './scenarios.js';

/** What must hold, by the labels that stand in the sources of the service package, next to the code that sees to it. */
export const callInvariantLabels = [
  'no call hangs',
  'no call runs twice',
  'a call that is withdrawn never runs',
  'an answer that was sent is not lost',
  'no answer is given to another call',
  'a handler learns that its call was given up',
  'a one-way call runs unless its server dies',
] as const;

/** One of the {@link callInvariantLabels}. */
export type CallInvariantLabel = (typeof callInvariantLabels)[number];

const { ANSWER_LENGTH, ANSWER_VALUE } = callLayout;
const RAN = /^ran (\d+)$/;
const ANSWERS = /^(mailbox \d+) message (\d+)$/;

/** Checks what becomes of calls. */
export class CallInvariants implements Judge {
  readonly #world: World<CallsMachine>;
  readonly #environment: CallsEnvironment;
  readonly #scenario: CallsScenario;

  constructor(world: World<CallsMachine>, environment: CallsEnvironment, scenario: CallsScenario) {
    this.#world = world;
    this.#environment = environment;
    this.#scenario = scenario;
  }

  failed({ error }: FailedOperation): Violation {
    return { label: 'no unexpected error', text: error };
  }

  /** No process of this model removes ports. */
  beforeRemoval(): void {}

  afterWrite(draft: Draft, _process: number, cell: number, _before: Value, after: Value): void {
    const [, number] = RAN.exec(this.#environment.cells.names[cell] as string) ?? [];
    if (number === undefined || Number(after) <= 1) return;
    const call = this.#scenario.calls.find((one) => one.number === Number(number));
    if (call?.method === 'again') return;
    draft.violation ??= { label: 'no call runs twice', text: `call ${number} has run ${after} times` };
  }

  /** With nothing left to happen. */
  atRest(state: State): Violation | undefined {
    for (const [process, { operation, notes }] of state.locals.entries()) {
      if (this.#world.isDead(state, process)) continue;
      const { name } = this.#world.scenario.processes[process] as { name: string };
      if (operation?.kind !== 'idle' || !operation.done) {
        return { label: 'no call hangs', text: `${name} has not come to its end` };
      }
      if (notes.includes('drains') && !notes.includes('drained') && !this.#mayDrainLong(state)) {
        return { label: 'no call hangs', text: `${name} does not come to the end of its draining` };
      }
    }
    for (const call of this.#scenario.calls) {
      const violation = this.#checkCall(state, call);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  #checkCall(state: State, call: PlannedCall): Violation | undefined {
    const { number, isGivenUp = false, isEndless = false } = call;
    const begin = `call ${number}: `;
    const { client } = this.#scenario;
    const isClientDead = this.#world.isDead(state, client);
    const outcome = state.locals[client]?.notes.find((note) => note.startsWith(begin))?.slice(begin.length);
    const ran = this.#read(state, `ran ${number}`);
    if (outcome?.endsWith(' false') === true && ran > 0) {
      return {
        label: 'a call that is withdrawn never runs',
        text: `call ${number} ends with ${outcome}, and has run`,
      };
    }
    if ((outcome !== undefined || isClientDead) && this.#isRunning(state, number)) {
      return {
        label: 'a handler learns that its call was given up',
        text: `the handler of call ${number} runs on, and its caller has ${outcome ?? 'died'}`,
      };
    }
    if (isClientDead) return undefined;
    if (outcome === undefined) {
      if (isEndless && !isGivenUp && this.#isRunning(state, number)) return undefined;
      return { label: 'no call hangs', text: `call ${number} has no outcome` };
    }
    if (outcome === 'told' && ran === 0 && state.dead === 0) {
      return { label: 'a one-way call runs unless its server dies', text: `call ${number} has not run` };
    }
    const [code = ''] = outcome.split(' ');
    if (!/^[A-Z_]+$/.test(code)) {
      if (outcome === outcomeOf(call)) return undefined;
      const isOfAnother = /^[\d,]+$/.test(outcome);
      return {
        label: isOfAnother ? 'no answer is given to another call' : 'no unexpected error',
        text: `call ${number} ends with ${outcome}, not with ${outcomeOf(call)}`,
      };
    }
    if (code === 'CANCELLED' && isGivenUp) return undefined;
    // A server that was taken for dead may answer yet.
    const wasMistaken = state.locals[client]?.notes.includes(MISTAKEN) === true;
    if (!wasMistaken && this.#isAnswered(state, number)) {
      return {
        label: 'an answer that was sent is not lost',
        text: `call ${number} ends with ${outcome}, and its answer is in the mailbox`,
      };
    }
    if (this.#scenario.allows?.includes(code) === true) return undefined;
    if (code === 'SERVER_DIED' && state.dead !== 0) return undefined;
    return { label: 'no unexpected error', text: `call ${number} ends with ${outcome}` };
  }

  /** Whether a living process runs the handler of the call. */
  #isRunning(state: State, number: number): boolean {
    return state.locals.some(
      ({ notes }, process) =>
        !this.#world.isDead(state, process) &&
        notes.includes(`runs ${number}`) &&
        !notes.includes(`ended ${number}`),
    );
  }

  /** A server that drains waits for handlers that do not end. */
  #mayDrainLong(state: State): boolean {
    return this.#scenario.calls.some(
      ({ number, isEndless }) => isEndless === true && this.#isRunning(state, number),
    );
  }

  /** Whether a value for that call was ever published. */
  #isAnswered(state: State, call: number): boolean {
    const { names } = this.#environment.cells;
    return names.some((name) => {
      const [, mailbox, index] = ANSWERS.exec(name) ?? [];
      if (mailbox === undefined || Number(index) >= this.#read(state, `${mailbox} tail`)) return false;
      const message = this.#environment.messageAt(this.#read(state, name));
      const isValue = message.length === ANSWER_LENGTH + 1 && message[0] === ANSWER_VALUE;
      return isValue && message[ANSWER_LENGTH] === answerTo(call);
    });
  }

  #read({ contents }: State, name: string): number {
    return Number(this.#world.memory.read(contents, this.#environment.cells.at(name)));
  }
}
