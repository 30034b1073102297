import type { AnswerStream, MethodContract, ServiceContract } from '@mmfbus/service';
import type { ServiceState } from '@mmfbus/service/internal';
import { printable, UsageError, valueLine, wholeNumber } from '@mmfbus/terminal';
import { type CallFailure, type DynamicClient, failureOf, joinClient } from '../call/dynamic-client.js';
import { type CallInput, inputOf } from '../call/input.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { Failure } from '../failure.js';
import { checkScope, checkServiceName, noSuchService, ServiceLooks } from '../services/service-looks.js';
import { suggestion } from '../spelling.js';
import { valueText } from '../sub/format.js';
import { count } from '../units.js';

/** Milliseconds of a day. */
const LONGEST_TIMEOUT = 86_400_000;

const options = {
  all: { type: 'boolean', short: 'a', about: 'call every server, and show what each answers' },
  stream: { type: 'boolean', about: 'say that the method streams; one that does not is refused' },
  count: { type: 'string', short: 'n', value: 'COUNT', about: 'end after that many values of a stream' },
  timeout: {
    type: 'string',
    short: 't',
    value: 'MS',
    about: 'give up after that many milliseconds; 30000 unless given, and never for streams',
  },
  full: { type: 'boolean', about: 'show long values in full' },
} as const;

export const command: Command = defineCommand({
  name: 'call',
  summary: 'call a method of a service',
  usage: 'SERVICE.METHOD [JSON | -]',
  wordCount: { least: 1, most: 2 },
  wordKind: 'method',
  help: `The input is JSON, as mmfbus pub takes it, and is checked by the contract that stands in the memory of a server. With - it is
read from the standard input. The answer goes to the standard output, an error of the call with its code and data to the
standard error; with --json both are objects on the standard output. The exit status is 1 where the call failed.

A stream of answers is shown line by line, until it ends or Ctrl-C. A stream of inputs is read from the standard input, one
value a line, or given as a list.

  mmfbus call calc.add '{"a": 1, "b": 2}'
  mmfbus call calc.ticks '{"sym": "AAPL"}' -n 5
  seq 10 | mmfbus call calc.sum
  mmfbus call calc.stats --all --timeout 500 --json`,
  options,
  run,
});

type CallContext = Context<typeof options>;

/** What is called. */
interface Target {
  readonly name: string;
  readonly contract: ServiceContract;
  readonly method: MethodContract;
}

async function run(context: CallContext): Promise<number> {
  const { values, words, signal, scope } = context;
  checkScope(scope);
  const most =
    values.count === undefined ? undefined : wholeNumber('--count', values.count, 1, Number.MAX_SAFE_INTEGER);
  const timeout =
    values.timeout === undefined ? undefined : wholeNumber('--timeout', values.timeout, 1, LONGEST_TIMEOUT);
  const target = await targetOf(context);
  const { name, contract, method } = target;
  const streams = method.input.kind === 'stream' || method.output.kind === 'stream';
  checkOptions(context, target, streams);
  let early: unknown;
  const input = await inputOf(name, method, words[1], signal, (error) => {
    early = error;
  });
  const client = await joinClient(contract, 'mmfbus call', signal);
  const call = new Call(context, target, client, most, {
    signal,
    timeout: timeout ?? (streams ? Number.POSITIVE_INFINITY : undefined),
  });
  try {
    return values.all === true ? await call.all(input) : await call.one(input);
  } catch (error) {
    throw early ?? error;
  } finally {
    await client.close();
    if (method.input.kind === 'stream') process.stdin.destroy();
  }
}

function checkOptions({ values }: CallContext, { name, method }: Target, streams: boolean): void {
  if (values.stream === true && !streams) throw new UsageError(`${name} streams nothing: leave out --stream`);
  if (values.count !== undefined && method.output.kind !== 'stream') {
    throw new UsageError(`${name} answers with no stream: leave out --count`);
  }
  if (values.all !== true) return;
  if (method.input.kind === 'stream')
    throw new UsageError(`${name} takes a stream, which can be sent to one server only`);
}

/** The method that the first word names, by the contract of a server that has it. */
async function targetOf({ words, openBus, signal }: CallContext): Promise<Target> {
  const [name = ''] = words;
  const dot = name.lastIndexOf('.');
  if (dot < 1)
    throw new UsageError(`name a service and a method, as in calc.add, not ${JSON.stringify(name)}`);
  const [service, wanted] = [name.slice(0, dot), name.slice(dot + 1)];
  checkServiceName(service);
  const looks = new ServiceLooks();
  looks.event(service);
  const state = looks.stateOf(service);
  if (state === undefined) throw await noSuchService(await openBus(), service, signal);
  const contracts = contractsOf(state);
  const contract = contracts.find(({ methods }) => methods.has(wanted));
  const method = contract?.methods.get(wanted);
  if (contract !== undefined && method !== undefined) return { name, contract, method };
  const [server] = state.servers;
  if (server === undefined) throw new Failure(`no server of ${service} runs`);
  if (contracts.length === 0) {
    throw new Failure(`no server of ${service} can be called: ${printable(server.problem ?? 'they drain')}`);
  }
  const names = contracts.flatMap(({ methods }) => [...methods.keys()]);
  const near = suggestion(wanted, names) || `, only ${[...new Set(names)].join(', ')}`;
  throw new Failure(`${service} has no method ${printable(wanted)}${near}`);
}

/** The contracts of servers that can be called. */
function contractsOf({ servers }: ServiceState): ServiceContract[] {
  return servers.flatMap(({ alive, phase, contract }) =>
    alive === false || phase !== 'serving' || contract === undefined ? [] : [contract],
  );
}

/** A call, and how what comes of it is shown. */
class Call {
  readonly #context: CallContext;
  readonly #target: Target;
  readonly #client: DynamicClient;
  readonly #most: number | undefined;
  readonly #options: { readonly signal: AbortSignal; readonly timeout: number | undefined };

  constructor(
    context: CallContext,
    target: Target,
    client: DynamicClient,
    most: number | undefined,
    options: { readonly signal: AbortSignal; readonly timeout: number | undefined },
  ) {
    this.#context = context;
    this.#target = target;
    this.#client = client;
    this.#most = most;
    this.#options = options;
  }

  /** Calls one server. */
  async one(input: CallInput): Promise<number> {
    const { method } = this.#target;
    try {
      const answer = this.#client.call(method.name, input, this.#options);
      if (method.output.kind === 'stream') await this.#showStream(answer as AnswerStream<unknown>, undefined);
      else await this.#showValue(await answer, undefined);
      return 0;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Calls all servers. */
  async all(input: CallInput): Promise<number> {
    const { method, name } = this.#target;
    const answers = await this.#client.callAll(method.name, input, this.#options);
    this.#context.signal.throwIfAborted();
    if (answers.length === 0) throw new Failure(`no server has ${name}`);
    const outcomes = await Promise.all(
      answers.map(async (answer) => {
        try {
          if (answer.status === 'rejected') throw answer.reason;
          const { value, server } = answer;
          if (method.output.kind === 'stream') await this.#showStream(value as AnswerStream<unknown>, server);
          else await this.#showValue(value, server);
          return true;
        } catch (error) {
          if (this.#context.signal.aborted) return method.output.kind === 'stream';
          const failure = failureOf(error);
          if (failure === undefined) throw error;
          await this.#showFailure(failure, answer.server);
          return false;
        }
      }),
    );
    return outcomes.includes(false) ? 1 : 0;
  }

  async #showStream(stream: AnswerStream<unknown>, server: ServerName | undefined): Promise<void> {
    let shown = 0;
    for await (const value of stream) {
      await this.#showValue(value, server);
      if (++shown === this.#most) break;
    }
    if (this.#most !== undefined && shown < this.#most) {
      throw new Failure(`${this.#target.name} ended after ${count(shown)} of ${count(this.#most)} values`);
    }
  }

  async #showValue(value: unknown, server: ServerName | undefined): Promise<void> {
    const { out, values } = this.#context;
    const { output } = this.#target.method;
    if (values.json === true) {
      await out.json({ ...(server && { server }), value: value ?? null });
    } else if (output.kind !== 'none') {
      await out.line(`${this.#prefix(server)}${valueText(out, value, values.full === true)}`);
    } else if (server !== undefined) await out.line(`${this.#prefix(server)}done`);
  }

  async #showFailure(failure: CallFailure, server: ServerName): Promise<void> {
    const { out, values } = this.#context;
    if (values.json === true) await out.json({ server, error: failure });
    else process.stderr.write(`${this.#prefix(server)}${textOf(failure)}\n`);
  }

  #prefix(server: ServerName | undefined): string {
    if (server === undefined) return '';
    const text = `${printable(server.name) || 'server'} (${server.pid})`;
    return `${this.#context.out.style('dim', text)}  `;
  }

  /** @returns 0 where Ctrl-C has ended a stream, as it is meant to. */
  async #fail(error: unknown): Promise<number> {
    const { signal, out, values } = this.#context;
    if (signal.aborted && this.#target.method.output.kind === 'stream' && !out.gone.aborted) return 0;
    signal.throwIfAborted();
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    if (values.json === true) await out.json({ error: failure });
    throw new Failure(textOf(failure), { cause: error });
  }
}

type ServerName = { readonly pid: number; readonly name: string };

function textOf({ message, started, code, data }: CallFailure): string {
  const carried = data === undefined ? '' : ` ${valueLine(data)}`;
  // A declared error has run; of any other its code is not in its text.
  if (message.endsWith(`: ${code}`)) return `${message}${carried}`;
  return `${printable(message)} (${code}; it ${started === false ? 'did not run' : 'may have run'})`;
}
