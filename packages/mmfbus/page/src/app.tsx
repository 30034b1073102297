import type { VNode } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { BridgesView } from './bridges-view.js';
import { ChannelPage } from './channel-page.js';
import { clock, visible } from './format.js';
import { ListView } from './list-view.js';
import { MapView } from './map-view.js';
import { useOverview } from './overview-store.js';
import { addressOf, go, type Route, useRoute } from './router.js';
import { ServicePage } from './service-page.js';
import { ServicesView } from './services-view.js';
import { refusal } from './session.js';
import type { Link } from './stream.js';

const MAP = addressOf({ view: 'map', search: '' });
const SERVICES = addressOf({ view: 'services', search: '' });
const CHANNELS = addressOf({ view: 'channels', search: '', sort: '-rate' });

/** The whole page. */
export function App(): VNode {
  const route = useRoute();
  const [link, setLink] = useState<Link>({ state: 'connecting' });
  const onLink = useCallback((next: Link) => setLink(next), []);
  const help = useRef<HTMLDialogElement>(null);
  useKeys(() => help.current?.showModal());
  const title =
    'name' in route ? route.name : { map: 'Map', channels: 'Channels', services: 'Services' }[route.view];
  useEffect(() => {
    document.title = `${visible(title)} · mmfbus`;
  }, [title]);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="bar">
        <a class="brand" href={MAP} aria-label="mmfbus: map">
          <svg viewBox="0 0 32 20" width="32" height="20" aria-hidden="true">
            <rect x="1" y="2" width="8" height="16" rx="2" />
            <rect x="12" y="2" width="8" height="16" rx="2" />
            <rect class="last" x="23" y="2" width="8" height="16" rx="2" />
          </svg>
          mmfbus
        </a>
        <nav aria-label="Views">
          <a href={MAP} aria-current={route.view === 'map' ? 'page' : undefined}>
            Map
          </a>
          <a href={CHANNELS} aria-current={route.view === 'channels' ? 'page' : undefined}>
            Channels
          </a>
          <a href={SERVICES} aria-current={route.view === 'services' ? 'page' : undefined}>
            Services
          </a>
        </nav>
        <Status link={link} />
        <button type="button" class="quiet help" aria-label="Keys" onClick={() => help.current?.showModal()}>
          ?
        </button>
      </header>
      <Banner link={link} />
      <main id="main" tabIndex={-1} class={link.state === 'live' ? '' : 'stale'}>
        {route.view === 'channel' ? (
          <ChannelPage key={route.name} name={route.name} where={route.where} onLink={onLink} />
        ) : route.view === 'service' ? (
          <ServicePage key={route.name} name={route.name} onLink={onLink} />
        ) : (
          <Overview route={route} onLink={onLink} />
        )}
      </main>
      <dialog ref={help} aria-label="Keys">
        <h2>Keys</h2>
        <dl>
          <dt>1 or m</dt>
          <dd>map</dd>
          <dt>2 or c</dt>
          <dd>channels</dd>
          <dt>3 or s</dt>
          <dd>services</dd>
          <dt>/</dt>
          <dd>search or filter</dd>
          <dt>p</dt>
          <dd>pause messages or calls, and go on</dd>
          <dt>↑ ↓ Enter</dt>
          <dd>choose in a list, open</dd>
          <dt>Esc</dt>
          <dd>close</dd>
        </dl>
        <form method="dialog">
          <button type="submit" class="primary">
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}

function Overview({
  route,
  onLink,
}: {
  route: Route & { view: 'map' | 'channels' | 'services' };
  onLink: (link: Link) => void;
}): VNode {
  const overview = useOverview();
  useEffect(() => onLink(overview.link), [overview.link, onLink]);
  return (
    <>
      {overview.trouble !== '' && (
        <p class="banner warn" role="alert">
          {visible(overview.trouble)}
        </p>
      )}
      {route.view !== 'map' && overview.bridges.length > 0 && <BridgesView bridges={overview.bridges} />}
      {route.view === 'map' ? (
        <MapView route={route} overview={overview} />
      ) : route.view === 'services' ? (
        <ServicesView route={route} overview={overview} />
      ) : (
        <ListView route={route} overview={overview} />
      )}
    </>
  );
}

function Status({ link }: { link: Link }): VNode {
  const text = { connecting: 'connecting', live: 'live', lost: 'lost', refused: 'no access' }[link.state];
  const { hello } = link.state === 'live' ? link : { hello: undefined };
  return (
    <p class={`status ${link.state}`} role="status">
      <i aria-hidden="true" />
      <span>{text}</span>
      {hello !== undefined && (
        <>
          <em class="chip">{hello.scope === 'user' ? 'this user' : 'whole machine'}</em>
          <em class={`chip${hello.write ? ' warn' : ''}`}>
            {hello.write ? 'may publish and call' : 'read-only'}
          </em>
        </>
      )}
    </p>
  );
}

function Banner({ link }: { link: Link }): VNode | null {
  if (link.state === 'lost') {
    return (
      <p class="banner bad" role="alert">
        The server is gone since {clock(link.since)}: what is shown is of then. The page goes on when{' '}
        <code>mmfbus ui</code> runs again on this port.
      </p>
    );
  }
  if (link.state !== 'refused') return null;
  return (
    <p class="banner bad" role="alert">
      No access{refusal === undefined ? '' : `: ${visible(refusal)}`}. Open the address that{' '}
      <code>mmfbus ui</code> prints: it is good for one browser, once. This page goes on then.
    </p>
  );
}

function useKeys(showHelp: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select');
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '1' || event.key === 'm') go(MAP);
      else if (event.key === '2' || event.key === 'c') go(CHANNELS);
      else if (event.key === '3' || event.key === 's') go(SERVICES);
      else if (event.key === '?') showHelp();
      else if (event.key === '/') document.querySelector<HTMLInputElement>('[data-search]')?.focus();
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [showHelp]);
}
