import { type Contents, Memory } from './contents.js';
import { ownerOf } from './made-up-core.js';
import type {
  FailedOperation,
  IdleOperation,
  MemoryOperation,
  Operation,
  Result,
  SystemOperation,
  Value,
} from './operations.js';
import { Reduction } from './reduction.js';
import { PORTS_A_PROCESS, Run } from './run.js';
import type { Choice, Draft, Happening, Local, State, Violation } from './state.js';
import { valueAfter } from './values.js';

// A port as the file system shows it.
const PORT_OPEN = '1';
const PORT_NONE = '0';
const PORT_CLOSED = '2';
const PORT_REMOVED = '3';

/**
 * One process of a scenario.
 *
 * @typeParam M what its program uses.
 */
export interface ProcessPlan<M> {
  readonly name: string;
  readonly program: (machine: M) => Promise<void>;
  /** Whether it may be killed, at any moment. */
  readonly mortal?: boolean;
  /** Whether it begins before the others, and has come to rest when they do. */
  readonly sleepsAtStart?: boolean;
  /** Whether it is dead when all begins. */
  readonly deadAtStart?: boolean;
}

/** What a model runs, and how much of it. */
export interface Scenario<M> {
  readonly processes: readonly ProcessPlan<M>[];
  /** How many of the mortal processes die at most. Defaults to 1. */
  readonly kills?: number;
  /**
   * How often, at most, a process is interrupted by another in the middle of what its event loop is doing. Others going
   * on while it waits, and deaths, do not count. Defaults to no limit.
   */
  readonly interruptions?: number;
  /** Whether every plain access to the ring is a step of its own. Defaults to false: it goes with the operation before it. */
  readonly plainSteps?: boolean;
}

/** The places of shared memory that were ever accessed. */
export interface Places {
  readonly names: readonly string[];
  /** What stands there before any process wrote. */
  readonly zeros: readonly Value[];
}

/** What the processes of a scenario run on. */
export interface Surroundings<M> {
  readonly cells: Places;
  /** The run that the sources are executed for. */
  run: Run | undefined;
  machine(process: number): M;
  /** What is in memory before the first process comes. */
  firstContents(memory: Memory): Contents;
}

/** Checks every step, and what is left when nothing happens any more. */
export interface Judge {
  failed(operation: FailedOperation): Violation;
  beforeRemoval(draft: Draft, process: number, port: number): void;
  afterWrite(draft: Draft, process: number, cell: number, before: Value, after: Value): void;
  atRest(state: State): Violation | undefined;
}

/** The places that timers look at: who waits by a timer waits for the publisher lock, or for the death of its holder. */
const NEWS = /publisherLock|nonce|generation/;

/**
 * The processes of a scenario and all they share.
 *
 * @typeParam M what their programs use.
 */
export class World<M = unknown> {
  readonly scenario: Scenario<M>;
  readonly environment: Surroundings<M>;
  readonly memory: Memory;
  readonly reduction: Reduction;
  /** Executions of the sources so far. */
  executions = 0;
  readonly #judge: Judge;
  readonly #isNews: boolean[] = [];
  readonly #allProcesses: number;
  #locals = 0;
  readonly #knowing = new Map<string, Local>();

  constructor(scenario: Scenario<M>, environment: Surroundings<M>, judgeOf: (world: World<M>) => Judge) {
    this.scenario = scenario;
    this.#allProcesses = 2 ** scenario.processes.length - 1;
    this.environment = environment;
    this.memory = new Memory(environment.cells);
    this.reduction = new Reduction(scenario.plainSteps ?? false);
    this.#judge = judgeOf(this);
  }

  /** Lets the processes join, one after the other, and then all begin. */
  async begin(): Promise<State> {
    const { processes } = this.scenario;
    let state: State = {
      contents: this.environment.firstContents(this.memory),
      locals: processes.map(() => this.#newLocal(undefined, undefined)),
      dead: 0,
      rung: 0,
      news: this.#allProcesses,
      stale: '',
      ports: PORT_NONE.repeat(processes.length * PORTS_A_PROCESS),
      holder: -1,
      committed: [],
      running: -1,
      interruptions: 0,
      violation: undefined,
    };
    for (const [process, { deadAtStart }] of processes.entries()) {
      await this.expand(process, state.locals[process] as Local);
      for (;;) {
        const operation = state.locals[process]?.operation;
        if (operation?.kind === 'start') break;
        if (operation?.kind === 'failed') throw new Error(`${processes[process]?.name}: ${operation.error}`);
        const choice = this.choices(state).find((one) => one.process === process && one.what !== 'kill');
        if (choice === undefined) throw new Error(`${processes[process]?.name} does not come to its start`);
        state = { ...(await this.step(state, choice)), running: -1, interruptions: 0 };
        if (state.violation !== undefined) throw new Error(`before the start: ${state.violation.text}`);
      }
      if (deadAtStart === true) state = await this.step(state, { process, what: 'kill' });
    }
    for (const [process, { deadAtStart }] of processes.entries()) {
      if (deadAtStart !== true) state = await this.step(state, { process, what: 'run' });
      state = { ...state, running: -1, interruptions: 0 };
      if (processes[process]?.sleepsAtStart === true) state = await this.#settle(state, process);
    }
    return state;
  }

  async #settle(state: State, process: number): Promise<State> {
    const next = this.choices(state).find(
      (choice) => choice.process === process && choice.what !== 'kill' && !choice.what.startsWith('timer'),
    );
    if (next === undefined) return state;
    const after = await this.step(state, next);
    return this.#settle({ ...after, running: -1, interruptions: 0 }, process);
  }

  /** What can happen next; nothing but deaths when everything has come to rest. */
  choices(state: State): Choice[] {
    const choices: Choice[] = [];
    const { processes, kills = 1 } = this.scenario;
    const started = processes.filter(({ deadAtStart }) => deadAtStart !== true).length;
    const deaths = countBits(state.dead) - (processes.length - started);
    const { running, interruptions } = state;
    for (const [process, { operation }] of state.locals.entries()) {
      if (this.isDead(state, process) || operation === undefined) continue;
      if (processes[process]?.mortal === true && deaths < kills) choices.push({ process, what: 'kill' });
      const interrupts = running >= 0 && running !== process;
      if (interrupts && interruptions >= (this.scenario.interruptions ?? 0)) continue;
      if (operation.kind !== 'idle') choices.push({ process, what: 'run' });
      else for (const what of this.#events(state, process, operation)) choices.push({ process, what });
    }
    return choices;
  }

  isDead({ dead }: State | Draft, process: number): boolean {
    return (dead & (1 << process)) !== 0;
  }

  /** What is wrong with a state in which nothing happens any more. */
  checkRest(state: State): Violation | undefined {
    return this.#judge.atRest(state);
  }

  async step(state: State, choice: Choice, happenings?: Happening[]): Promise<State> {
    for (;;) {
      const next = this.tryStep(state, choice, happenings);
      if (!('children' in next)) return next;
      await this.expand(choice.process, next);
      if (happenings !== undefined) happenings.length = 0;
    }
  }

  /** The state after the choice; or what has to be expanded first. */
  tryStep(state: State, { process, what }: Choice, happenings?: Happening[]): State | Local {
    const draft: Draft = { ...state, locals: [...state.locals] };
    if (what === 'kill') {
      if (draft.running === process) draft.running = -1;
      draft.dead |= 1 << process;
      draft.rung &= ~(1 << process);
      this.#tell(draft);
      return draft;
    }
    let local = state.locals[process] as Local;
    for (let first = true; ; first = false) {
      const operation = local.operation as Operation;
      if (!first && !this.#goesWithTheOneBefore(process, operation)) break;
      const result = this.#perform(draft, process, operation, what);
      happenings?.push({ operation, result, before: local });
      local = this.#after(local, result);
      if (local.operation === undefined) return local;
      local = local.same ?? local;
      if (draft.violation !== undefined) break;
    }
    draft.locals[process] = local;
    if (this.scenario.interruptions !== undefined) {
      if (draft.running >= 0 && draft.running !== process) draft.interruptions++;
      draft.running = local.operation?.kind === 'idle' ? -1 : process;
    }
    const { operation } = local;
    if (operation?.kind === 'failed') draft.violation ??= this.#judge.failed(operation);
    if (operation?.kind === 'idle') {
      if ((draft.news & (1 << process)) === 0)
        for (const id of operation.fresh) draft.stale += `;${process}.${id};`;
      draft.news |= 1 << process;
    }
    return draft;
  }

  #goesWithTheOneBefore(process: number, operation: Operation): boolean {
    if (operation.kind !== 'memory' && operation.kind !== 'system') return false;
    if (operation.isJoined !== undefined) return operation.isJoined;
    return operation.kind === 'memory' && this.reduction.passes(process, operation);
  }

  /** Something changed that others may be looking for. */
  #tell(draft: Draft): void {
    draft.news = this.#allProcesses;
    draft.stale = '';
  }

  /** Runs the process that far, to see what it does next. */
  async expand(process: number, local: Local): Promise<void> {
    const run = await this.#execute(process, local, false);
    local.operation = run.next;
    local.notes = run.notes;
    if (run.knowledge === undefined) return;
    const key = `${process} ${run.knowledge}`;
    const same = this.#knowing.get(key);
    if (same === undefined) this.#knowing.set(key, local);
    else local.same = same;
  }

  /** The functions of the sources that the next operation comes from, innermost first. */
  async explain(process: number, local: Local): Promise<readonly string[]> {
    return (await this.#execute(process, local, true)).where;
  }

  async #execute(process: number, local: Local, explain: boolean): Promise<Run> {
    const log: Result[] = [];
    for (let one: Local | undefined = local; one?.parent !== undefined; one = one.parent)
      log.push(one.result as Result);
    const run = new Run(process, log.reverse(), explain);
    this.environment.run = run;
    this.executions++;
    const { program } = this.scenario.processes[process] as ProcessPlan<M>;
    await run.execute(() => program(this.environment.machine(process)));
    return run;
  }

  #newLocal(parent: Local | undefined, result: Result | undefined): Local {
    return {
      id: this.#locals++,
      parent,
      result,
      children: new Map(),
      operation: undefined,
      notes: [],
      same: undefined,
    };
  }

  #after(local: Local, result: Result): Local {
    let next = local.children.get(result);
    if (next === undefined) {
      next = this.#newLocal(local, result);
      local.children.set(result, next);
    }
    return next;
  }

  #events(state: State, process: number, { immediate, timers, bell, watches }: IdleOperation): string[] {
    const events: string[] = [];
    if (immediate) events.push('immediate');
    if (bell && (state.rung & (1 << process)) !== 0) events.push('bell');
    for (const { id, port } of watches) if (this.#isGone(state, port)) events.push(`death ${id}`);
    for (const id of timers) if (!state.stale.includes(`;${process}.${id};`)) events.push(`timer ${id}`);
    return events;
  }

  #isGone(state: State | Draft, port: number): boolean {
    return this.isDead(state, ownerOf(port)) || state.ports[port] === PORT_CLOSED;
  }

  #perform(draft: Draft, process: number, operation: Operation, what: string): Result {
    switch (operation.kind) {
      case 'memory':
        return this.#access(draft, process, operation);
      case 'system':
        return this.#call(draft, process, operation);
      case 'idle':
        draft.news &= ~(1 << process);
        if (what === 'bell') draft.rung &= ~(1 << process);
        return what;
      default:
        return 'go';
    }
  }

  #access(draft: Draft, process: number, operation: MemoryOperation): Value {
    const { cell } = operation;
    const before = this.memory.read(draft.contents, cell);
    const after = valueAfter(before, operation);
    this.reduction.learn(process, operation);
    if (after !== undefined) {
      if (after !== before) {
        draft.contents = this.memory.write(draft.contents, cell, after);
        this.#isNews[cell] ??= NEWS.test(this.environment.cells.names[cell] as string);
        if (this.#isNews[cell]) this.#tell(draft);
      }
      this.#judge.afterWrite(draft, process, cell, before, after);
    }
    return operation.access === 'store' ? (after as Value) : before;
  }

  #call(draft: Draft, process: number, { call, port, pidKnown, connected }: SystemOperation): string {
    const dead = this.isDead(draft, ownerOf(port));
    const status = draft.ports[port];
    const there = status === PORT_OPEN;
    const setStatus = (next: string) => {
      draft.ports = draft.ports.slice(0, port) + next + draft.ports.slice(port + 1);
    };
    switch (call) {
      case 'open':
        setStatus(PORT_OPEN);
        return 'opened';
      case 'close':
        setStatus(PORT_CLOSED);
        draft.rung &= ~(1 << process);
        this.#tell(draft);
        return 'closed';
      case 'remove':
        this.#judge.beforeRemoval(draft, process, port);
        if (there) setStatus(PORT_REMOVED);
        return 'removed';
      case 'ring':
        if (connected !== true && !there && pidKnown === true && !dead) return 'absent';
        if (this.#isGone(draft, port) || (connected !== true && !there)) return 'dead';
        draft.rung |= 1 << ownerOf(port);
        return 'alive';
      case 'watch':
        return there || (pidKnown === true && dead) ? 'watching' : 'refused';
      case 'probe':
        if (dead && (there || pidKnown === true)) return 'dead';
        return there ? 'alive' : 'unknown';
    }
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
