import type { VNode } from 'preact';
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type {
  ClientRow,
  ContractEvent,
  Hello,
  MethodRow,
  ServerRow,
  ServiceEvent,
  TroubleEvent,
} from '../../src/ui/protocol.js';
import { CallForm } from './call-form.js';
import { Card, visibleLines } from './channel-page.js';
import { Chart } from './chart.js';
import { age, count, duration, nameOf, plural, rate, visible } from './format.js';
import { ServiceSamples } from './service-samples.js';
import { timeText } from './services-view.js';
import { type Link, useStream } from './stream.js';
import { outcomesOf, Waterfall } from './waterfall.js';

/** Everything about one service, as the server has told. */
interface ServiceViewState {
  readonly event: ServiceEvent | undefined;
  readonly contract: ContractEvent | undefined;
  readonly samples: ServiceSamples;
  readonly trouble: string;
  readonly link: Link;
}

function useService(name: string): ServiceViewState {
  const event = useRef<ServiceEvent | undefined>(undefined);
  const contract = useRef<ContractEvent | undefined>(undefined);
  const samples = useRef(new ServiceSamples());
  const trouble = useRef('');
  const [, draw] = useReducer((number: number) => number + 1, 0);
  const link = useStream(`/api/events?${new URLSearchParams({ service: name })}`, {
    service: (next: ServiceEvent) => {
      event.current = next;
      samples.current.take(next);
      trouble.current = '';
      draw(undefined);
    },
    contract: (next: ContractEvent) => {
      contract.current = next;
      draw(undefined);
    },
    trouble: ({ text }: TroubleEvent) => {
      trouble.current = text;
      draw(undefined);
    },
  });
  return {
    event: event.current,
    contract: contract.current,
    samples: samples.current,
    trouble: trouble.current,
    link,
  };
}

/** The view of one service. */
export function ServicePage({ name, onLink }: { name: string; onLink: (link: Link) => void }): VNode {
  const { event, contract, samples, trouble, link } = useService(name);
  useEffect(() => onLink(link), [link, onLink]);
  const lastHello = useRef<Hello | undefined>(undefined);
  if (link.state === 'live') lastHello.current = link.hello;
  const row = event?.row;
  return (
    <section class="service" aria-label={`Service ${name}`}>
      <header class="title">
        <div>
          <h1>{visible(name)}</h1>
          <Facts event={event} />
        </div>
        {event !== undefined && row === undefined && <em class="chip bad">there is no such service now</em>}
        {row !== undefined && row.servers.length === 0 && <em class="chip warn">no server runs</em>}
      </header>
      {trouble !== '' && (
        <p class="banner warn" role="alert">
          {visible(trouble)}
        </p>
      )}
      <Charts samples={samples} event={event} />
      <div class="columns">
        <div class="side">
          <Calls event={event} />
          <Methods methods={event?.methods ?? []} />
        </div>
        <div class="side">
          <Servers servers={row?.servers ?? []} now={event?.at ?? 0} />
          {lastHello.current?.write === true && contract !== undefined && row !== undefined && (
            <Card title="Call">
              <CallForm key={`${name}${contract.code}`} service={name} methods={contract.methods} />
            </Card>
          )}
          <Clients clients={row?.clients ?? []} servers={row?.servers.length ?? 0} now={event?.at ?? 0} />
          <Card title="Contract">
            <pre class="code" tabIndex={0} role="region" aria-label="Contract as TypeScript">
              {contract === undefined ? '…' : visibleLines(contract.code)}
            </pre>
          </Card>
        </div>
      </div>
    </section>
  );
}

function Facts({ event }: { event: ServiceEvent | undefined }): VNode {
  const row = event?.row;
  if (row === undefined) return <p class="facts" />;
  const facts = [
    plural(row.servers.length, 'server'),
    plural(row.clients.length, 'client'),
    plural(row.methodCount, 'method'),
    `${count(row.served)} calls`,
    `${count(row.failed)} failed`,
    `p50 ${timeText(row.p50)}`,
    `p99 ${timeText(row.p99)}`,
  ];
  return <p class="facts">{facts.join(' · ')}</p>;
}

function Charts({ samples, event }: { samples: ServiceSamples; event: ServiceEvent | undefined }): VNode {
  const { length } = samples;
  const charts = useMemo(
    () => ({
      times: samples.times,
      rates: [samples.line('rate', (row) => row.rate)],
      errors: [samples.line('errors', (row) => row.errorRate)],
      took: [samples.recent('p50'), samples.recent('p99')],
      open: [samples.line('open', (row) => row.outstanding), samples.line('running', (row) => row.running)],
    }),
    [length, event],
  );
  const row = event?.row;
  const { p50 = null, p99 = null } = event?.recent ?? {};
  return (
    <div class="charts">
      <Chart
        title="Calls"
        hint="Calls that end a second"
        now={row === undefined ? '–' : rate(row.rate)}
        times={charts.times}
        series={charts.rates}
        format={rate}
        least={1}
      />
      <Chart
        title="Times"
        hint="How long the handlers took of the calls that have ended since the last look"
        now={p50 === null ? 'nothing ended' : `${timeText(p50)} · p99 ${timeText(p99)}`}
        times={charts.times}
        series={charts.took}
        format={duration}
        least={1000}
      />
      <Chart
        title="Errors"
        hint="Calls a second that an error has ended"
        now={row === undefined ? '–' : rate(row.errorRate)}
        times={charts.times}
        series={charts.errors}
        format={rate}
        least={1}
      />
      <Chart
        title="Open"
        hint="Calls that the servers have and have not answered, and those whose handlers run"
        now={row === undefined ? '–' : `${count(row.outstanding)} · ${count(row.running)} running`}
        times={charts.times}
        series={charts.open}
        format={(value) => (Number.isInteger(value) ? count(value) : '')}
        least={1}
      />
    </div>
  );
}

function Calls({ event }: { event: ServiceEvent | undefined }): VNode {
  const [isPaused, setPaused] = useState(false);
  const frozen = useRef<ServiceEvent | undefined>(undefined);
  if (!isPaused) frozen.current = undefined;
  else frozen.current ??= event;
  const shown = frozen.current ?? event;
  useEffect(() => {
    const onKey = (key: KeyboardEvent) => {
      const isTyping = key.target instanceof Element && key.target.matches('input, textarea, select');
      if (key.key !== 'p' || isTyping || key.ctrlKey || key.metaKey || key.altKey) return;
      setPaused((before) => !before);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const omitted = shown?.omitted ?? 0;
  const notes = [
    outcomesOf(shown?.calls ?? []),
    ...(omitted > 0 ? [`${count(omitted)} older ones still run`] : []),
  ];
  return (
    <section class="card calls" aria-label="Calls">
      <div class="toolbar">
        <h2>Calls</h2>
        <p class="note">
          {isPaused ? 'Paused · ' : ''}
          {notes.filter((note) => note !== '').join(' · ')}
        </p>
        <button
          type="button"
          class={`toggle${isPaused ? ' on' : ''}`}
          aria-pressed={isPaused}
          aria-keyshortcuts="p"
          onClick={() => setPaused(!isPaused)}
        >
          {isPaused ? '▶ Go on' : '❚❚ Pause'}
        </button>
      </div>
      <Waterfall calls={shown?.calls ?? []} now={shown?.at ?? 0} />
    </section>
  );
}

function Methods({ methods }: { methods: readonly MethodRow[] }): VNode {
  return (
    <Card title="Methods" note={methods.length === 0 ? 'none seen' : undefined}>
      <div class="scroller" tabIndex={0} role="region" aria-label="Methods">
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">Method</th>
              <th scope="col">Rate</th>
              <th scope="col">Running</th>
              <th scope="col">Calls</th>
              <th scope="col">Errors</th>
              <th scope="col" class="spare">
                Cancelled
              </th>
              <th scope="col">p50</th>
              <th scope="col">p99</th>
              <th scope="col" class="spare">
                Longest
              </th>
            </tr>
          </thead>
          <tbody>
            {methods.map((method) => (
              <tr key={method.name}>
                <th scope="row">
                  {visible(method.name)}
                  <small>
                    {visible(method.signature)}
                    {method.errors.length > 0 && ` · ${method.errors.map(visible).join(', ')}`}
                  </small>
                </th>
                <td>{rate(method.rate)}</td>
                <td>{count(method.running)}</td>
                <td>{count(method.served)}</td>
                <td class={method.failed > 0 ? 'bad-text' : ''}>{count(method.failed)}</td>
                <td class="spare">{count(method.cancelled)}</td>
                <td>{timeText(method.p50)}</td>
                <td>{timeText(method.p99)}</td>
                <td class="spare">{timeText(method.longest)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Servers({ servers, now }: { servers: readonly ServerRow[]; now: number }): VNode {
  return (
    <Card title="Servers" note={servers.length === 0 ? undefined : String(servers.length)}>
      {servers.length === 0 && <p class="weak">none</p>}
      <ul class="participants">
        {servers.map((server) => (
          <Server key={server.inbox} server={server} now={now} />
        ))}
      </ul>
    </Card>
  );
}

function Server({ server, now }: { server: ServerRow; now: number }): VNode {
  const { pid, program, name, alive, phase, problem, outstanding, running, joinedAt } = server;
  const facts = [
    pid > 0 ? `pid ${pid}` : 'pid unknown',
    ...(name !== '' && program !== '' ? [program] : []),
    `joined ${age(now - joinedAt)} ago`,
  ];
  const numbers = [
    `${count(server.served)} calls`,
    `${count(server.failed)} failed`,
    `mean ${timeText(server.mean)}`,
    `p50 ${timeText(server.p50)}`,
    `p99 ${timeText(server.p99)}`,
  ];
  return (
    <li class={`server${alive === false || problem !== '' ? ' dead' : ''}`}>
      <div class="who">
        <b>{nameOf(server)}</b>
        <em class={`chip${phase === 'draining' ? ' warn' : ' server'}`}>{phase}</em>
        {alive === false && <em class="chip bad">dead: proved</em>}
        {alive === 'unknown' && <em class="chip">liveness unknown</em>}
      </div>
      {problem !== '' && <p class="bad-text">{visible(problem)}</p>}
      <p class="weak">{facts.map(visible).join(' · ')}</p>
      <p class="weak">{numbers.join(' · ')}</p>
      <p class="now">
        <b>{rate(server.rate)}</b>
        <span>
          {count(outstanding)} open · {count(running)} running
        </span>
      </p>
    </li>
  );
}

function Clients({
  clients,
  servers,
  now,
}: {
  clients: readonly ClientRow[];
  servers: number;
  now: number;
}): VNode {
  return (
    <Card title="Clients" note={clients.length === 0 ? undefined : String(clients.length)}>
      {clients.length === 0 && <p class="weak">none</p>}
      <ul class="participants">
        {clients.map((client, index) => (
          <li key={`${client.pid}:${index}`} class={`client${client.alive === false ? ' dead' : ''}`}>
            <div class="who">
              <b>{nameOf(client)}</b>
              {client.alive === false && <em class="chip bad">dead: proved</em>}
              {client.servers < servers && (
                <em class="chip warn">
                  can call {count(client.servers)} of {count(servers)}
                </em>
              )}
            </div>
            <p class="weak">
              {visible(
                [
                  client.pid > 0 ? `pid ${client.pid}` : 'pid unknown',
                  ...(client.name !== '' && client.program !== '' ? [client.program] : []),
                  `joined ${age(now - client.joinedAt)} ago`,
                ].join(' · '),
              )}
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
