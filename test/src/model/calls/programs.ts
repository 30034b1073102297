import type { CallsMachine, Context, Handlers, Limits, MethodName } from './environment.js';

type Program = (machine: CallsMachine) => Promise<void>;

/** One call of a scenario. */
export interface PlannedCall {
  /** Its input, and what the checks know it by. */
  readonly number: number;
  readonly method: MethodName;
  /** Whether its program gives it up, at any time. */
  readonly isGivenUp?: boolean;
  /** Whether its handler ends only when it is told that the call was given up. */
  readonly isEndless?: boolean;
}

/** Noted by a client that takes a living server for dead. */
export const MISTAKEN = 'takes it for dead';

/** Items of a stream, either way. */
const ITEMS = 2;

/** What the handler of a call answers. */
export function answerTo(call: number): number {
  return call * 10;
}

/** The items of a call's stream. */
function itemsOf(call: number): number[] {
  return Array.from({ length: ITEMS }, (_, index) => answerTo(call) + index);
}

/** What the program of the caller notes when all is well. */
export function outcomeOf({ number, method }: PlannedCall): string {
  if (method === 'tell') return 'told';
  if (method === 'items') return String(itemsOf(number));
  return String(method === 'sum' ? itemsOf(number).reduce((sum, item) => sum + item) : answerTo(number));
}

interface Calling {
  /** Whether each call is made when the one before it is over. Defaults to false: all at once. */
  readonly isInTurn?: boolean;
  /** The process that is taken for dead at any time, although it lives. */
  readonly mistakes?: number;
  /** Whether it makes a call for each item that it gets, before it takes the next one. Defaults to false. */
  readonly asksAtEachItem?: boolean;
}

/** Makes calls, and notes what becomes of each. */
export function calls(
  planned: readonly PlannedCall[],
  { isInTurn = false, mistakes, asksAtEachItem = false }: Calling = {},
): Program {
  return async (machine) => {
    const client = await machine.client();
    machine.start();
    const collect = async (stream: AsyncIterable<number>): Promise<number[]> => {
      const items: number[] = [];
      for await (const item of stream) {
        machine.note(`item ${item}`);
        items.push(item);
        if (asksAtEachItem) await client.call(machine.methodOf('once'), item);
      }
      return items;
    };
    const make = async ({ number, method, isGivenUp = false }: PlannedCall): Promise<void> => {
      const giving = machine.abortController();
      const giveUp = () => {
        machine.note(`gives up ${number}`);
        giving.abort(new Error('given up'));
      };
      if (isGivenUp) machine.anyTime(giveUp);
      const input = method === 'sum' ? itemsOf(number) : number;
      const options = isGivenUp ? { signal: giving.signal } : {};
      try {
        const outcome = client.call(machine.methodOf(method), input, options);
        const value = method === 'items' ? await collect(outcome as AsyncIterable<number>) : await outcome;
        machine.note(`call ${number}: ${String(value ?? 'told')}`);
      } catch (error) {
        const { code, started } = error as { code?: string; started?: unknown };
        machine.note(`call ${number}: ${code ?? String(error)} ${String(started)}`);
      }
    };
    const inTurn = async () => {
      for (const call of planned) await make(call);
    };
    if (mistakes !== undefined) {
      machine.anyTime(() => {
        machine.note(MISTAKEN);
        machine.mistake(mistakes);
      });
    }
    if (isInTurn) void inTurn();
    else for (const call of planned) void make(call);
  };
}

interface ServingPlan extends Limits {
  /** Calls whose handlers end only when they are told. */
  readonly endless?: readonly number[];
  /** Whether handlers answer in a later turn of the event loop. Defaults to false: at once. */
  readonly isSlow?: boolean;
  /** Whether it drains, at any time. */
  readonly drains?: boolean;
  /** Whether it can answer its callers. Defaults to true. */
  readonly canAnswer?: boolean;
}

/** Serves, and notes what its handlers run. */
export function serves({
  endless = [],
  isSlow = false,
  drains = false,
  canAnswer = true,
  ...limits
}: ServingPlan = {}): Program {
  return async (machine) => {
    const answer = async (number: number, { signal }: Context): Promise<number> => {
      if (endless.includes(number)) {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      } else {
        await machine.turn();
      }
      machine.note(`ended ${number}`);
      return answerTo(number);
    };
    const run = (number: number, context: Context): unknown => {
      machine.note(`runs ${number}`);
      machine.ran(number);
      if (isSlow || endless.includes(number)) return answer(number, context);
      machine.note(`ended ${number}`);
      return answerTo(number);
    };
    const handlers: Handlers = {
      once: run,
      again: run,
      tell: run,
      items: function* (number: number) {
        machine.ran(number);
        yield* itemsOf(number);
      },
      sum: async (input: AsyncIterable<number>) => {
        let sum = 0;
        for await (const item of input) {
          machine.note(`item ${item}`);
          sum += item;
        }
        return sum;
      },
    };
    const serving = await machine.serve(handlers, limits, canAnswer);
    machine.start();
    if (!drains) return;
    machine.anyTime(() => {
      machine.note('drains');
      void serving.drain(machine.abortController().signal).then(
        () => machine.note('drained'),
        (error: unknown) => machine.note(`not drained: ${String(error)}`),
      );
    });
  };
}
