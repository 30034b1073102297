import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Bus, type BusChange, type BusOptions, openBus, type ParticipantInfo } from '@mmfbus/channel';
import { afterEach } from 'vitest';
import { type Program, type StartOptions, startCode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';

const buses: Bus[] = [];

/** A bus that is closed after the test. */
export async function busOf(options: BusOptions = {}): Promise<Bus> {
  const bus = await openBus(options);
  buses.push(bus);
  return bus;
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close();
});

/** A change in short: `joined prices as publisher ticker`. */
function inShort(change: BusChange): string {
  if (!('participant' in change)) return `${change.type} ${change.channel}`;
  const { role, delivery, connected, name } = change.participant;
  const what = connected ? (delivery ?? role) : 'disconnected';
  return `${change.type} ${change.channel} as ${what} ${name}`.trimEnd();
}

type Left = Extract<BusChange, { readonly type: 'left' }>;

/** What a watch has reported so far. */
export interface Watched {
  readonly changes: BusChange[];
  /** Resolves when a change, in short, was reported that equals `text`, also before this call. */
  until(text: string): Promise<void>;
  /** What was reported about the channel, in short. */
  about(channel: string): string[];
  /** The participant of that name as it was reported to have left the channel, and why. */
  left(channel: string, name: string): (ParticipantInfo & Pick<Left, 'reason'>) | undefined;
}

/** Watches until the bus is closed. */
export function watch(bus: Bus): Watched {
  const changes: BusChange[] = [];
  let failure: unknown;
  const waiting = new Set<() => void>();
  const follow = async () => {
    for await (const change of bus.watch()) {
      changes.push(change);
      for (const look of waiting) look();
    }
  };
  follow().catch((error: unknown) => {
    failure = error;
    for (const look of waiting) look();
  });
  return {
    changes,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (failure !== undefined) reject(failure);
          else if (changes.some((change) => inShort(change) === text)) resolve();
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    left: (channel, name) =>
      changes
        .flatMap((change) =>
          change.type === 'left' && change.channel === channel
            ? [{ ...change.participant, reason: change.reason }]
            : [],
        )
        .find((participant) => participant.name === name),
    about: (channel) => changes.filter((change) => change.channel === channel).map(inShort),
  };
}

const PRELUDE = `
  import { defineChannel, openBus } from '@mmfbus/channel';
  import { ValidNamespaces } from '@mmfbus/core';
  const say = (...words) => process.stdout.write(words.join(' ') + '\\n');
`;
const cwd = join(workspaceRoot, 'test');

/**
 * Starts a process with `openBus`, `defineChannel`, `ValidNamespaces` and `say` (prints a line) in its scope, and runs
 * `body` there.
 */
export function startBusProgram(body: string, options: StartOptions = {}): Program {
  return startCode(PRELUDE + body, { cwd, ...options });
}

/** As {@link startBusProgram}, holding up this thread until it has ended. */
export function runBusProgram(body: string): void {
  execFileSync(process.execPath, ['--input-type=module', '--eval', PRELUDE + body], {
    cwd,
    stdio: 'pipe',
    timeout: 60_000,
  });
}
