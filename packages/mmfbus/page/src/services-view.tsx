import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { ServiceRow } from '../../src/ui/protocol.js';
import { count, duration, plural, rate, visible } from './format.js';
import type { OverviewState } from './overview-store.js';
import { addressOf, go, type Route, serviceAddress } from './router.js';
import { Search } from './search.js';

/** Rows that are drawn at most. */
const MOST_ROWS = 300;

/** All services as a table. */
export function ServicesView({
  route,
  overview,
}: {
  route: Route & { view: 'services' };
  overview: OverviewState;
}): VNode {
  const { channels, services } = overview;
  const wanted = route.search.toLowerCase();
  const rows = useMemo(() => services.filter((row) => isWanted(row, wanted)), [services, wanted]);
  const total = plural(services.length, 'service');
  const notes = [rows.length === services.length ? total : `${count(rows.length)} of ${total}`];
  if (rows.length > MOST_ROWS) notes.push(`the first ${MOST_ROWS} are shown`);
  return (
    <section class="services" aria-label="List of services">
      <div class="toolbar">
        <Search
          label="Search services"
          placeholder="Search"
          value={route.search}
          onInput={(search) => go(addressOf({ view: 'services', search }), 'replace')}
        />
        <p class="note" role="status">
          {channels === undefined ? 'Looking …' : notes.join(' · ')}
        </p>
      </div>
      {channels !== undefined && rows.length === 0 && (
        <p class="card empty">
          {services.length === 0
            ? 'There are no services. As soon as a program serves or calls one, it appears here.'
            : 'No service matches.'}
        </p>
      )}
      {rows.length > 0 && <Rows rows={rows.slice(0, MOST_ROWS)} />}
    </section>
  );
}

function isWanted({ name, servers, clients }: ServiceRow, wanted: string): boolean {
  if (wanted === '' || name.toLowerCase().includes(wanted)) return true;
  return [...servers, ...clients].some((one) =>
    `${one.name} ${one.program} ${one.pid}`.toLowerCase().includes(wanted),
  );
}

function Rows({ rows }: { rows: readonly ServiceRow[] }): VNode {
  return (
    <div class="card scroller" tabIndex={0} role="region" aria-label="Services">
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Rate</th>
            <th scope="col">Errors</th>
            <th scope="col">p50</th>
            <th scope="col">p99</th>
            <th scope="col">Running</th>
            <th scope="col" class="spare">
              Calls
            </th>
            <th scope="col" class="spare">
              Servers
            </th>
            <th scope="col" class="spare">
              Clients
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <a href={serviceAddress(row.name)}>{visible(row.name)}</a>
                {row.problem !== '' && <em class="chip bad">{visible(row.problem)}</em>}
                {row.problem === '' && row.servers.length === 0 && <em class="chip warn">no server</em>}
              </th>
              <td>{rate(row.rate)}</td>
              <td class={row.errorRate > 0 ? 'bad-text' : ''}>{count(row.failed)}</td>
              <td>{timeText(row.p50)}</td>
              <td>{timeText(row.p99)}</td>
              <td>{count(row.running)}</td>
              <td class="spare">{count(row.served)}</td>
              <td class="spare">{count(row.servers.length)}</td>
              <td class="spare">{count(row.clients.length)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A time in nanoseconds, or a dash where there is none. */
export function timeText(nanoseconds: number | null): string {
  return nanoseconds === null ? '–' : duration(nanoseconds);
}
