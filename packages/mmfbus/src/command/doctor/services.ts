import { basename } from 'node:path';
import { monotonicNow } from '@mmfbus/channel';
import type { Leftover } from '@mmfbus/core/internal';
import { compareContracts } from '@mmfbus/service';
import {
  type ClientState,
  type ServerState,
  ServiceObserver,
  type ServiceState,
  sweepLeftovers,
} from '@mmfbus/service/internal';
import { printable } from '@mmfbus/terminal';
import { programOf } from '../programs.js';
import { count, duration } from '../units.js';
import type { Finding } from './finding.js';

/** Looks at each service, and at what keeps it from being looked at. */
export function lookAtServices(names: readonly string[]): {
  readonly services: readonly ServiceState[];
  readonly findings: readonly Finding[];
} {
  const observer = new ServiceObserver();
  const services: ServiceState[] = [];
  const findings: Finding[] = [];
  for (const name of names) {
    try {
      const state = observer.look(name);
      if (state !== undefined) services.push(state);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      findings.push({
        level: 'problem',
        text: `service ${name}: ${printable(message)}`,
        remedy: 'end the programs that use it, and start them again',
      });
    }
  }
  return { services, findings };
}

/** What is wrong with a service, by two looks. */
export function checkService(before: ServiceState | undefined, now: ServiceState): readonly Finding[] {
  return [
    ...now.servers.flatMap((server) => checkServer(now.name, before, server)),
    ...now.clients.flatMap((client) => checkClient(now, before, client)),
    ...checkContracts(now),
  ];
}

/** Opens and closes inboxes and mailboxes that only dead programs had open, which removes them. */
export function removeServiceLeftovers(left: readonly Leftover[]): void {
  const services = left.flatMap(
    ({ path }) => /^mmfbus\.[^.]+\.(.+)~(?:calls|replies)\.[0-9a-f]{16}$/.exec(basename(path))?.[1] ?? [],
  );
  for (const service of new Set(services)) sweepLeftovers(service);
}

function checkServer(
  service: string,
  before: ServiceState | undefined,
  server: ServerState,
): readonly Finding[] {
  const { alive, pid, phase, outstanding, problem, calls } = server;
  if (alive === false) return [];
  const what = `${service}: ${serverTitle(server)}`;
  const program = alive === true ? programOf(pid) : undefined;
  if (program?.state === 'T' || program?.state === 't') {
    return [
      {
        level: 'problem',
        text: `${what}, (${program.program}) is stopped (SIGSTOP, or Ctrl-Z): ${count(outstanding)} calls wait for it, and new ones go to it still`,
        remedy: `kill -CONT ${pid}, or end it: kill -KILL ${pid}; its calls that have not started then go to another server`,
      },
    ];
  }
  if (problem !== undefined) {
    return [
      {
        level: 'problem',
        text: `${what}, cannot be called: ${printable(problem)}`,
        remedy: 'start it again, with the same version of mmfbus as its clients',
      },
    ];
  }
  const wasDraining = before?.servers.find(({ inbox }) => inbox === server.inbox)?.phase === 'draining';
  if (phase !== 'draining' || !wasDraining) return [];
  const oldest = calls.filter(({ outcome }) => outcome === 'running').at(-1);
  const waits =
    oldest === undefined
      ? ''
      : `, and waits for ${oldest.method}, which has run for ${duration(monotonicNow() - oldest.started)}`;
  return [
    {
      level: 'hint',
      text: `${what}, takes no more calls (it drains)${waits}`,
      remedy: `have handlers look at their signal, drain with a shorter timeout, or end it: kill ${pid}`,
    },
  ];
}

function checkClient(
  { name: service, servers }: ServiceState,
  before: ServiceState | undefined,
  client: ClientState,
): readonly Finding[] {
  const { alive, pid, name } = client;
  if (alive === false) return [];
  const who = `client${name === '' ? '' : ` ${printable(name)}`}, process ${pid},`;
  const program = alive === true ? programOf(pid) : undefined;
  if (program?.state === 'T' || program?.state === 't') {
    return [
      {
        level: 'hint',
        text: `${service}: ${who} (${program.program}) is stopped (SIGSTOP, or Ctrl-Z): servers keep its answers, 4 MiB each at most`,
        remedy: `kill -CONT ${pid}, or end it: kill -KILL ${pid}`,
      },
    ];
  }
  // A server that was there at the last look as well: joining its inbox is a matter of milliseconds.
  const missing = servers.filter(
    ({ inbox, phase, alive: lives, problem }) =>
      lives !== false &&
      phase === 'serving' &&
      problem === undefined &&
      !client.inboxes.includes(inbox) &&
      before?.servers.some((one) => one.inbox === inbox) === true &&
      before.clients.some((one) => one.pid === pid && one.name === name),
  );
  return missing.map((server) => ({
    level: 'hint',
    text: `${service}: ${who} has not joined the inbox of ${serverTitle(server)}: it does not call it`,
    remedy:
      'look whether it has descriptors left (ulimit -n), and whether its version of mmfbus can read the contract: mmfbus schema --service',
  }));
}

/** Methods that servers of one service have differently: a client can call only those that fit its own contract. */
function checkContracts({ name: service, servers }: ServiceState): readonly Finding[] {
  const findings: Finding[] = [];
  const first = servers.find(({ contract, alive }) => contract !== undefined && alive !== false);
  if (first?.contract === undefined) return [];
  for (const other of servers) {
    if (other.contract === undefined || other.alive === false || other === first) continue;
    for (const [method, compared] of compareContracts(first.contract, other.contract)) {
      if (compared.outcome !== 'different') continue;
      findings.push({
        level: 'hint',
        text: `${service}.${method}: ${serverTitle(first)} has another contract than ${serverTitle(other)}: ${printable(compared.difference)}`,
        remedy:
          'clients call only servers whose contract fits theirs: end the servers of the old version, or give what has changed a new name',
      });
    }
  }
  return findings;
}

function serverTitle({ name, pid }: Pick<ServerState, 'name' | 'pid'>): string {
  return `server${name === '' ? '' : ` ${printable(name)}`}, process ${pid}`;
}
