import type { Bus } from '@mmfbus/channel';
import { ServiceObserver, type ServiceState } from '@mmfbus/service/internal';
import { printable, UsageError } from '@mmfbus/terminal';
import type { ServiceEvent, ServiceRow } from '../../ui/protocol.js';
import { Programs } from '../../ui/rows.js';
import { brokenService, type ServiceSample, serviceEventOf, serviceRowOf } from '../../ui/service-rows.js';
import { listServices } from '../channels.js';
import type { Scope } from '../command.js';
import { Failure } from '../failure.js';
import { suggestion } from '../spelling.js';

/** Looks at services again and again, and says what their numbers make of it. */
export class ServiceLooks {
  readonly #observer = new ServiceObserver();
  readonly #programs: Programs;
  #samples = new Map<string, ServiceSample>();

  constructor(programs: Programs = new Programs()) {
    this.#programs = programs;
  }

  /** The services of these names, those left out that are gone. One that cannot be looked at says why. */
  rows(names: readonly string[]): ServiceRow[] {
    const samples = new Map<string, ServiceSample>();
    const rows = names.flatMap((name): ServiceRow[] => {
      try {
        const sample = this.#sample(name);
        if (sample === undefined) return [];
        samples.set(name, sample);
        return [serviceRowOf(sample, this.#samples.get(name), this.#programs)];
      } catch (error) {
        return [brokenService(name, error instanceof Error ? error.message : String(error))];
      }
    });
    this.#samples = samples;
    return rows;
  }

  /**
   * Everything about one service.
   *
   * @returns undefined where there is no such service.
   * @throws what keeps it from being looked at.
   */
  event(name: string): ServiceEvent | undefined {
    const sample = this.#sample(name);
    const event = sample && serviceEventOf(sample, this.#samples.get(name), this.#programs);
    this.#samples = new Map(sample === undefined ? [] : [[name, sample]]);
    return event;
  }

  /** What the last look at a service has seen. */
  stateOf(name: string): ServiceState | undefined {
    return this.#samples.get(name)?.state;
  }

  #sample(name: string): ServiceSample | undefined {
    const state = this.#observer.look(name);
    return state && { at: performance.now(), state };
  }
}

/** @throws {UsageError} for a text that is no name of a service. */
export function checkServiceName(name: string): void {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(name)) return;
  throw new UsageError(
    `the name of a service has 1 to 100 of the characters A-Z a-z 0-9 . _ -, not ${JSON.stringify(name)}`,
  );
}

/** @throws {UsageError} where services cannot be. */
export function checkScope(scope: Scope): void {
  if (scope === 'machine') throw new UsageError('services belong to one user: leave out --scope machine');
}

/** What to say where there is no service of that name. */
export async function noSuchService(bus: Bus, name: string, signal: AbortSignal): Promise<Failure> {
  const names = await listServices(bus, signal);
  const others = names.length === 0 ? '; there are no services' : '';
  return new Failure(`there is no service ${printable(name)}${suggestion(name, names) || others}`);
}
