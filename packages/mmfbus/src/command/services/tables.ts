import { printable, table } from '@mmfbus/terminal';
import type { CallRow, MethodRow, ServerRow, ServiceEvent, ServiceRow } from '../../ui/protocol.js';
import type { Output } from '../output.js';
import { type Column, drawTable } from '../tables.js';
import { cut } from '../text.js';
import { age, count, duration, rate } from '../units.js';

/** Characters of a signature in the table. */
const SIGNATURE_WIDTH = 44;
/** Calls that are shown that run, and that were made last. */
const MOST_RUNNING = 10;
const MOST_LAST = 5;

const serviceColumns: readonly Column[] = [
  { heading: 'SERVICE', isLeft: true },
  { heading: 'METHODS' },
  { heading: 'SERVERS' },
  { heading: 'CLIENTS' },
  { heading: 'RATE' },
  { heading: 'OPEN' },
  { heading: 'RUNNING' },
  { heading: 'CALLS' },
  { heading: 'ERRORS' },
  { heading: 'P50' },
  { heading: 'P99' },
];

/** The services as a table; `ls` has it below the channels. */
export function servicesTable(out: Output, rows: readonly ServiceRow[]): string {
  const cells = rows.map((row) => [
    row.name,
    count(row.methodCount),
    count(row.servers.length),
    count(row.clients.length),
    rate(row.rate),
    count(row.outstanding),
    count(row.running),
    count(row.served),
    errorsCell(row),
    time(row.p50),
    time(row.p99),
  ]);
  return drawTable(out, serviceColumns, cells);
}

/** All services as text. */
export function allAsText(out: Output, rows: readonly ServiceRow[]): string {
  if (rows.length === 0) return 'There are no services.';
  return [servicesTable(out, rows), ...problemsOf(rows)].join('\n');
}

/** What keeps services and servers from being looked at. */
function problemsOf(rows: readonly ServiceRow[]): string[] {
  return rows.flatMap(({ name, problem, servers }) => [
    ...(problem === '' ? [] : [`! ${name}: ${printable(problem)}`]),
    ...servers.flatMap((server) =>
      server.problem === '' ? [] : [`! ${name}, server ${who(server)}: ${printable(server.problem)}`],
    ),
  ]);
}

/** One service as text. */
export function oneAsText(out: Output, { row, methods, calls }: ServiceEvent): string {
  if (row === undefined) return '';
  const running = calls.filter(({ outcome }) => outcome === 'running').slice(0, MOST_RUNNING);
  const last = calls.filter(({ outcome }) => outcome !== 'running').slice(0, MOST_LAST);
  const older = row.running - running.length;
  const parts = [
    factsOf(out, row),
    serversTable(out, row.servers),
    methodsTable(out, methods),
    ...(row.running === 0 ? [] : [runningPart(out, running, older)]),
    ...(last.length === 0 ? [] : [`${out.style('bold', 'Last calls:')}\n${callsTable(last)}`]),
    clientsPart(out, row),
    ...problemsOf([row]),
  ];
  return parts.join('\n\n');
}

function factsOf(out: Output, row: ServiceRow): string {
  const { name, servers, clients } = row;
  const numbers = `${count(servers.length)} servers, ${count(clients.length)} clients, ${rate(row.rate)}, ${count(row.outstanding)} open`;
  return `${out.style('bold', name)}  ${numbers}`;
}

function serversTable(out: Output, servers: readonly ServerRow[]): string {
  if (servers.length === 0) return 'No server.';
  const columns: readonly Column[] = [
    { heading: 'SERVER', isLeft: true },
    { heading: 'PID' },
    { heading: 'STATE', isLeft: true },
    { heading: 'RATE' },
    { heading: 'OPEN' },
    { heading: 'RUNNING' },
    { heading: 'CALLS' },
    { heading: 'ERRORS' },
    { heading: 'MEAN' },
    { heading: 'P50' },
    { heading: 'P99' },
    { heading: 'SINCE' },
    { heading: 'PROGRAM', isLeft: true },
  ];
  return drawTable(
    out,
    columns,
    servers.map((server) => [
      printable(server.name) || '-',
      pidCell(server.pid),
      server.alive === false ? 'dead' : server.phase,
      rate(server.rate),
      count(server.outstanding),
      count(server.running),
      count(server.served),
      errorsCell(server),
      time(server.mean),
      time(server.p50),
      time(server.p99),
      age(Date.now() - server.joinedAt),
      printable(server.program) || '-',
    ]),
  );
}

function methodsTable(out: Output, methods: readonly MethodRow[]): string {
  const columns: readonly Column[] = [
    { heading: 'METHOD', isLeft: true },
    { heading: 'RATE' },
    { heading: 'RUNNING' },
    { heading: 'CALLS' },
    { heading: 'ERRORS' },
    { heading: 'CANCELLED' },
    { heading: 'P50' },
    { heading: 'P99' },
    { heading: 'LONGEST' },
    { heading: 'TAKES AND GIVES', isLeft: true },
  ];
  return drawTable(
    out,
    columns,
    methods.map((method) => [
      method.name,
      rate(method.rate),
      count(method.running),
      count(method.served),
      errorsCell(method),
      count(method.cancelled),
      time(method.p50),
      time(method.p99),
      time(method.longest),
      cut(method.signature, SIGNATURE_WIDTH),
    ]),
  );
}

/** @param older calls that run and are not among the last ones of their servers, or are too many to be shown. */
function runningPart(out: Output, running: readonly CallRow[], older: number): string {
  const more =
    older <= 0
      ? ''
      : running.length === 0
        ? ` ${count(older)} of the older calls`
        : ` and ${count(older)} more`;
  const head = `${out.style('bold', 'Running now:')}${more}`;
  return running.length === 0 ? head : `${head}\n${callsTable(running)}`;
}

function callsTable(calls: readonly CallRow[]): string {
  const rows = calls.map((call) => [
    `  ${call.method}`,
    call.outcome,
    duration(call.duration * 1e6),
    `on ${who({ name: call.server, pid: call.pid })}`,
    `for ${who({ name: call.program, pid: call.caller })}`,
    `${age(Date.now() - call.at)} ago`,
  ]);
  return table(rows, { left: [0, 1, 3, 4] });
}

function clientsPart(out: Output, { clients, servers }: ServiceRow): string {
  if (clients.length === 0) return 'No client.';
  const rows = clients.map((client) => [
    `  ${printable(client.name) || '-'}`,
    pidCell(client.pid),
    client.alive === false ? 'dead' : `of ${count(client.servers)} of ${count(servers.length)} servers`,
    printable(client.program) || '-',
  ]);
  return `${out.style('bold', 'Clients:')}\n${table(rows, { left: [0, 2, 3] })}`;
}

function who({ name, pid }: { readonly name: string; readonly pid: number }): string {
  return [printable(name), pid === 0 ? '' : String(pid)].filter((part) => part !== '').join(' ') || '-';
}

function pidCell(pid: number): string {
  return pid === 0 ? '-' : String(pid);
}

function errorsCell({ failed }: { readonly failed: number }): string {
  return failed > 0 ? `! ${count(failed)}` : '0';
}

function time(nanoseconds: number | null): string {
  return nanoseconds === null ? '-' : duration(nanoseconds);
}
