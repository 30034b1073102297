import { monotonicNow } from '@mmfbus/channel';
import {
  addUp,
  type MethodState,
  type ObservedCall,
  quantile,
  type ServerState,
  type ServiceState,
} from '@mmfbus/service/internal';
import { signatureOf } from '../command/values.js';
import type { CallRow, ClientRow, MethodRow, ServerRow, ServiceEvent, ServiceRow } from './protocol.js';
import { type Programs, round } from './rows.js';

/** Calls that a page is shown at most. */
const MOST_CALLS = 80;
const NS_PER_MS = 1e6;

/** A service at one moment. */
export interface ServiceSample {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly state: ServiceState;
}

/** How a service stands, with rates since the sample before. */
export function serviceRowOf(
  now: ServiceSample,
  before: ServiceSample | undefined,
  programs: Programs,
): ServiceRow {
  const { name, servers, clients } = now.state;
  const rows = servers.map((server) => serverRowOf(server, before, now.at, programs));
  const all = addUp(
    servers.flatMap(({ methods }) => methods),
    '',
  );
  const ended = since(now, before);
  const seconds = secondsBetween(before, now.at);
  return {
    name,
    methodCount: methodNames(now.state).length,
    rate: perSecond(ended.served, seconds),
    errorRate: perSecond(ended.failed, seconds),
    outstanding: sum(rows, ({ outstanding }) => outstanding),
    running: all.running,
    served: all.served,
    failed: all.failed,
    p50: quantile(all, 0.5) ?? null,
    p99: quantile(all, 0.99) ?? null,
    servers: rows,
    clients: clients.map(
      ({ inboxes, ...client }): ClientRow => ({
        ...client,
        program: programs.nameOf(client.pid),
        servers: inboxes.length,
      }),
    ),
    problem: '',
  };
}

/** A service that cannot be looked at. */
export function brokenService(name: string, problem: string): ServiceRow {
  const none = { methodCount: 0, rate: 0, errorRate: 0, outstanding: 0, running: 0, served: 0, failed: 0 };
  return { name, ...none, p50: null, p99: null, servers: [], clients: [], problem };
}

/** Everything about a service. */
export function serviceEventOf(
  now: ServiceSample,
  before: ServiceSample | undefined,
  programs: Programs,
): ServiceEvent {
  const ended = since(now, before);
  const calls = now.state.servers
    .flatMap((server) => server.calls.map((call) => callRowOf(call, server, programs)))
    .sort((a, b) => Number(b.outcome === 'running') - Number(a.outcome === 'running') || b.at - a.at)
    .slice(0, MOST_CALLS);
  const row = serviceRowOf(now, before, programs);
  return {
    at: Date.now(),
    row,
    methods: methodNames(now.state).map((name) => methodRowOf(name, now, before)),
    calls,
    omitted: Math.max(0, row.running - calls.filter(({ outcome }) => outcome === 'running').length),
    recent: { p50: quantile(ended, 0.5) ?? null, p99: quantile(ended, 0.99) ?? null },
  };
}

/** The methods of all servers. */
function methodNames({ servers }: ServiceState): string[] {
  return [...new Set(servers.flatMap(({ methods }) => methods.map(({ name }) => name)))].sort();
}

function serverRowOf(
  server: ServerState,
  before: ServiceSample | undefined,
  at: number,
  programs: Programs,
): ServerRow {
  const all = addUp(server.methods, '');
  const last = before?.state.servers.find(({ inbox }) => inbox === server.inbox);
  const { inbox, pid, name, alive, joinedAt, phase, outstanding, problem = '' } = server;
  return {
    ...{ inbox, pid, name, program: programs.nameOf(pid), alive, joinedAt, phase, outstanding, problem },
    running: all.running,
    rate:
      last === undefined
        ? 0
        : perSecond(all.served - addUp(last.methods, '').served, secondsBetween(before, at)),
    served: all.served,
    failed: all.failed,
    mean: meanOf(all),
    p50: quantile(all, 0.5) ?? null,
    p99: quantile(all, 0.99) ?? null,
  };
}

function methodRowOf(name: string, now: ServiceSample, before: ServiceSample | undefined): MethodRow {
  const { running, served, failed, cancelled, ...all } = addUp(statesOf(now.state.servers, name), name);
  const contract = now.state.servers.map((server) => server.contract?.methods.get(name)).find(Boolean);
  return {
    name,
    signature: contract === undefined ? '' : signatureOf(contract),
    errors: [...(contract?.errors.keys() ?? [])],
    rate: perSecond(since(now, before, name).served, secondsBetween(before, now.at)),
    ...{ running, served, failed, cancelled },
    mean: meanOf({ served, ...all }),
    p50: quantile(all, 0.5) ?? null,
    p99: quantile(all, 0.99) ?? null,
    longest: served === 0 ? null : all.longest,
  };
}

function statesOf(servers: readonly ServerState[], name: string | undefined): MethodState[] {
  return servers.flatMap(({ methods }) =>
    methods.filter((method) => name === undefined || method.name === name),
  );
}

/** What has ended since the sample before, on the servers that were there then. Without one nothing has. */
function since(now: ServiceSample, before: ServiceSample | undefined, name?: string): MethodState {
  const then = new Map(before?.state.servers.map((server) => [server.inbox, server]));
  const differences = now.state.servers.flatMap((server) => {
    const last = then.get(server.inbox);
    if (last === undefined) return [];
    return statesOf([server], name).map((method) => {
      const counted = statesOf([last], method.name);
      return counted.length === 0 ? method : differenceOf(method, counted[0] as MethodState);
    });
  });
  return addUp(differences, name ?? '');
}

function differenceOf(now: MethodState, before: MethodState): MethodState {
  const less = (field: 'served' | 'failed' | 'cancelled' | 'time') => Math.max(0, now[field] - before[field]);
  return {
    ...now,
    served: less('served'),
    failed: less('failed'),
    cancelled: less('cancelled'),
    time: less('time'),
    times: now.times.map((calls, place) => Math.max(0, calls - (before.times[place] ?? 0))),
  };
}

function callRowOf(call: ObservedCall, { inbox, name, pid }: ServerState, programs: Programs): CallRow {
  const now = monotonicNow();
  const duration = Math.max(0, (call.ended ?? now) - call.started) / NS_PER_MS;
  return {
    key: `${inbox}:${call.number}`,
    method: call.method,
    server: name,
    pid,
    caller: call.caller,
    program: programs.nameOf(call.caller),
    at: Math.round((Date.now() - (now - call.started) / NS_PER_MS) * 1000) / 1000,
    duration,
    outcome: call.outcome,
  };
}

function meanOf({ served, time }: Pick<MethodState, 'served' | 'time'>): number | null {
  return served === 0 ? null : time / served;
}

function secondsBetween(before: ServiceSample | undefined, at: number): number {
  return before === undefined ? 0 : (at - before.at) / 1000;
}

function perSecond(count: number, seconds: number): number {
  return seconds <= 0 ? 0 : round(Math.max(0, count) / seconds);
}

function sum<R>(rows: readonly R[], value: (row: R) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
