import {
  definePattern,
  openChannelMemory,
  PATTERN_REGISTRY,
  Participant,
  registryName,
  STATE_LOSSY,
} from '@mmfbus/channel/internal';
import { type Codec, f64, raw } from '@mmfbus/codec';
import { type Client, defineService, method, type Server, type Service, stream } from '@mmfbus/service';
import { comes, never, neverOf, outcomeOf, type Scene, type Subject, THROWN } from '../contract.js';
import type { Kit } from '../kit.js';
import { withoutDescriptors, withoutSpace } from './joining.js';

const KILLED = 'the kill matrix has servers and clients that die, test/src/service those that are stopped';

const methods = {
  /** Answers when the test says so. */
  wait: method({ input: f64(), output: f64() }),
  /** Gives the numbers that the test gives. */
  numbers: method({ output: stream(f64()) }),
};

type Desk = Service<typeof methods>;

/** A server whose handlers wait for the test, and a client of it. */
interface Stage {
  readonly service: Desk;
  readonly server: Server;
  readonly client: Client<Desk>;
  /** Lets calls that wait be answered, now and later. */
  answer(): void;
  /** Lets the streams of answers go on by two numbers. */
  give(): void;
}

function deskOf(kit: Kit): Desk {
  return defineService({ name: kit.name('desk'), methods });
}

function handlersOf(): {
  readonly handlers: Parameters<Desk['serve']>[0];
  answer(): void;
  give(): void;
} {
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let given = 0;
  let wake = (): void => {};
  return {
    handlers: {
      wait: async (value, { signal }) => {
        const cancelled = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        await Promise.race([answered, cancelled]);
        return value;
      },
      async *numbers(_, { signal }) {
        signal.addEventListener('abort', () => wake());
        for (let number = 1; !signal.aborted; ) {
          if (number <= given) yield number++;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
    },
    answer,
    give: () => {
      given += 2;
      wake();
    },
  };
}

async function stageOf(kit: Kit): Promise<Stage> {
  const service = deskOf(kit);
  const { handlers, answer, give } = handlersOf();
  const server = kit.closing(await service.serve(handlers));
  const client = await service.client();
  kit.later(() => client.$close());
  return { service, server, client, answer, give };
}

/** Holds the lock of the registry of a service, as a process that is stopped does. */
async function heldRegistry(kit: Kit, service: string): Promise<() => void> {
  const definition = definePattern({
    name: registryName(service),
    pattern: PATTERN_REGISTRY,
    codec: { ...raw(), id: 'mmfbus~service' } as Codec<unknown>,
    capacity: 4096,
    maxParticipants: 256,
  });
  const memory = await openChannelMemory(definition, 'open-or-create');
  const holder = await Participant.join(memory, 'holder', new AbortController().signal, (participant) => {
    participant.activate(STATE_LOSSY);
    return participant;
  });
  await holder.lock.acquire();
  let holds = true;
  const release = (): void => {
    if (holds) holder.lock.release();
    holds = false;
  };
  kit.later(() => {
    release();
    holder.leave();
    return memory.closed;
  });
  return release;
}

type Joining = 'serve' | 'client';

/** Joins a service as a server, or as a client; what it gives can be closed. */
async function join(
  kit: Kit,
  service: Desk,
  how: Joining,
  { signal, timeout }: { readonly signal?: AbortSignal; readonly timeout?: number } = {},
): Promise<{ close(): unknown }> {
  if (how === 'serve') return kit.closing(await service.serve(handlersOf().handlers, { signal, timeout }));
  const client = await service.client({ signal, joinTimeout: timeout });
  return kit.closing({ close: () => client.$close() });
}

function joining(how: Joining): Subject {
  return {
    name: `service.Service#${how}`,
    scene: async (kit) => {
      const service = deskOf(kit);
      const release = await heldRegistry(kit, service.name);
      return { call: async (options) => void (await join(kit, service, how, options)), release };
    },
    cells: {
      ...neverOf('what joins has nothing to close yet', 'called after close', 'closed while it waits'),
      ...neverOf('a service has nothing to drain', 'called after drain', 'drained while it waits'),
      aborted: comes('reason'),
      'aborted before': comes('reason'),
      'timed out': comes('TIMEOUT'),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes('settles', async (kit) => {
        // In a handler of the service itself.
        const service = deskOf(kit);
        let inner: Promise<string> | undefined;
        const handlers = {
          ...handlersOf().handlers,
          wait: (value: number) => {
            inner = outcomeOf(async () => void (await join(kit, service, how)));
            return value;
          },
        };
        kit.closing(await service.serve(handlers));
        const client = await service.client();
        kit.later(() => client.$close());
        await kit.until('the answer', client.wait(1));
        return kit.until('joining to settle', inner as Promise<string>);
      }),
      'its callback throws':
        how === 'client'
          ? never('it takes none')
          : comes('REMOTE, 2', async (kit) => {
              const service = deskOf(kit);
              const handlers = {
                ...handlersOf().handlers,
                wait: (value: number) => {
                  if (value === 1) throw THROWN;
                  return value;
                },
              };
              kit.closing(await service.serve(handlers));
              const client = await service.client();
              kit.later(() => client.$close());
              return `${await outcomeOf(() => client.wait(1))}, ${await outcomeOf(() => client.wait(2))}`;
            }),
      ...neverOf(KILLED, 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes('OS_ERROR, settles, then settles', async (kit) => {
        // What is loaded at the first use is loaded before.
        const service = deskOf(kit);
        await (await join(kit, service, how)).close();
        return withoutDescriptors(kit, () => join(kit, service, how));
      }),
      'without space': comes('NO_SPACE, then settles', async (kit) => {
        const service = deskOf(kit);
        await (await join(kit, service, how)).close();
        return withoutSpace(kit, () => join(kit, service, how));
      }),
    },
  };
}

/** A server that has a call, and ends. */
function endingServer(name: string, end: (server: Server, options?: object) => Promise<void>): Subject {
  const waits = name.endsWith('#drain');
  const scene = async (kit: Kit): Promise<Scene> => {
    const { server, client, answer } = await stageOf(kit);
    const call = client.wait(1).catch(() => {});
    await kit.until('the server to have the call', had(server));
    kit.later(() => call);
    return {
      call: (options) => end(server, options),
      release: answer,
      close: () => server.close(),
      drain: () => server.drain(),
    };
  };
  return {
    name,
    scene,
    cells: {
      'called after close': comes('settles'),
      'closed while it waits': waits ? comes('settles') : never('it does not wait for handlers'),
      'called after drain': comes('settles'),
      'drained while it waits': waits ? comes('settles, settles') : never('it does not wait for handlers'),
      ...(waits
        ? { aborted: comes('settles'), 'aborted before': comes('settles'), 'timed out': comes('settles') }
        : neverOf('it takes no options', 'aborted', 'aborted before', 'timed out')),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes('1, settles', async (kit) => {
        const service = deskOf(kit);
        let inner: Promise<string> | undefined;
        const server: Server = kit.closing(
          await service.serve({
            ...handlersOf().handlers,
            wait: (value) => {
              inner = outcomeOf(() => end(server));
              return value;
            },
          }),
        );
        const client = await service.client();
        kit.later(() => client.$close());
        const answer = await kit.until(
          'the answer',
          outcomeOf(() => client.wait(1)),
        );
        return `${answer}, ${await kit.until('the end', inner as Promise<string>)}`;
      }),
      'its callback throws': never('it takes none'),
      ...neverOf(KILLED, 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes('settles, then settles'),
      'without space': never('it needs none'),
    },
  };
}

async function had(server: Server): Promise<void> {
  while (server.outstanding === 0) await new Promise((resolve) => setImmediate(resolve));
}

/** A client that leaves. */
function leaving(name: string, leave: (client: Client<Desk>) => Promise<void>): Subject {
  return {
    name,
    scene: async (kit) => {
      const { client } = await stageOf(kit);
      return { call: () => leave(client), close: () => client.$close() };
    },
    cells: {
      'called after close': comes('settles'),
      ...neverOf('it gives all calls up', 'closed while it waits', 'drained while it waits'),
      'called after drain': never('a client has nothing to drain'),
      ...neverOf('it takes no options', 'aborted', 'aborted before', 'timed out'),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes('CLOSED, settles', async (kit) => {
        const { client } = await stageOf(kit);
        const call = outcomeOf(() => client.wait(1));
        const left = outcomeOf(() => leave(client));
        return `${await kit.until('the call', call)}, ${await kit.until('leaving', left)}`;
      }),
      'its callback throws': never('it takes none'),
      ...neverOf(KILLED, 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes('settles, then settles'),
      'without space': never('it needs none'),
    },
  };
}

const nextNumber: Subject = {
  name: 'service.AnswerStream#next',
  scene: async (kit) => {
    const { client, give } = await stageOf(kit);
    const numbers = client.numbers();
    return {
      call: () => numbers.next(),
      release: give,
      close: () => client.$close(),
      cancel: () => numbers.return(),
    };
  },
  cells: {
    'called after close': comes('CLOSED'),
    'closed while it waits': comes('CLOSED'),
    ...neverOf('a client has nothing to drain', 'called after drain', 'drained while it waits'),
    ...neverOf('the call takes the options', 'aborted', 'aborted before', 'timed out'),
    cancelled: comes('done, done'),
    'its listener is removed': never('it has none'),
    'called twice': comes('value 1, value 2'),
    'called inside a handler': comes('value 1'),
    ...neverOf('it takes no callback', 'called re-entrantly', 'its callback throws'),
    ...neverOf(KILLED, 'the peer dies', 'the peer is stopped'),
    // For want of them the server could not join the mailbox when the call came.
    'without descriptors': comes('UNREACHABLE, then done'),
    'without space': never('it needs none'),
  },
};

/** What ends a stream of answers. */
function endingStream(how: 'return' | 'throw' | typeof Symbol.asyncDispose): Subject {
  const ends = how === 'return' ? 'done' : how === 'throw' ? 'thrown' : 'settles';
  return {
    name: `service.AnswerStream#${typeof how === 'string' ? how : '[asyncDispose]'}`,
    scene: async (kit) => {
      const { client } = await stageOf(kit);
      const numbers = client.numbers();
      return {
        call: () => (how === 'throw' ? numbers.throw(THROWN) : numbers[how]()),
        close: () => client.$close(),
      };
    },
    cells: {
      'called after close': comes(ends),
      ...neverOf(
        'it settles at once',
        'closed while it waits',
        'drained while it waits',
        'called after drain',
      ),
      ...neverOf('it takes no options', 'aborted', 'aborted before', 'timed out'),
      ...neverOf('it waits for nothing', 'cancelled', 'its listener is removed', 'called re-entrantly'),
      'called twice': comes(`${ends}, ${ends}`),
      'called inside a handler': comes(ends),
      'its callback throws': never('it takes none'),
      ...neverOf(KILLED, 'the peer dies', 'the peer is stopped'),
      ...neverOf('it needs none', 'without descriptors', 'without space'),
    },
  };
}

/** What takes validators, and opens nothing. */
const streaming: Subject = {
  name: 'service.stream',
  cells: {
    ...neverOf(
      'it opens nothing and does not wait',
      'called after close',
      'closed while it waits',
      'called after drain',
      'drained while it waits',
      'aborted',
      'aborted before',
      'timed out',
      'cancelled',
      'its listener is removed',
      'called twice',
      'called inside a handler',
      'called re-entrantly',
      'the peer dies',
      'the peer is stopped',
      'without descriptors',
      'without space',
    ),
    'its callback throws': comes('REMOTE, done', async (kit) => {
      // The validator of the items, which the server asks before it sends one.
      const validate = (): never => {
        throw THROWN;
      };
      const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
      const numbers = method({ output: stream(schema) });
      const service = defineService({ name: kit.name('validated'), methods: { numbers } });
      kit.closing(await service.serve({ numbers: () => [1, 2] }));
      const client = await service.client();
      kit.later(() => client.$close());
      const stepped = client.numbers();
      return `${await outcomeOf(() => stepped.next())}, ${await outcomeOf(() => stepped.next())}`;
    }),
  },
};

/** Services: joining and leaving them, and taking answers. */
export const serviceSubjects: readonly Subject[] = [
  joining('serve'),
  joining('client'),
  endingServer('service.Server#drain', (server, options) => server.drain(options)),
  endingServer('service.Server#close', (server) => server.close()),
  endingServer('service.Server#[asyncDispose]', async (server) => server[Symbol.asyncDispose]()),
  leaving('service.ClientMembers#$close', (client) => client.$close()),
  leaving('service.ClientMembers#[asyncDispose]', async (client) => client[Symbol.asyncDispose]()),
  nextNumber,
  { ...nextNumber, name: 'service.AnswerStream#[asyncIterator]' },
  endingStream('return'),
  endingStream('throw'),
  endingStream(Symbol.asyncDispose),
  streaming,
];
