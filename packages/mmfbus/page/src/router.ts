import { useEffect, useState } from 'preact/hooks';

/** What the page shows, as its address says. */
export type Route =
  | { readonly view: 'map'; readonly search: string }
  | { readonly view: 'channels'; readonly search: string; readonly sort: string }
  | { readonly view: 'channel'; readonly name: string; readonly where: string }
  | { readonly view: 'services'; readonly search: string }
  | { readonly view: 'service'; readonly name: string };

/** The view of an address. */
function routeOf({ pathname, searchParams }: URL): Route {
  const search = searchParams.get('q') ?? '';
  if (pathname === '/channels')
    return { view: 'channels', search, sort: searchParams.get('sort') ?? '-rate' };
  if (pathname === '/services') return { view: 'services', search };
  const name = searchParams.get('name');
  if (pathname === '/service' && name !== null) return { view: 'service', name };
  if (pathname === '/channel' && name !== null) {
    return { view: 'channel', name, where: searchParams.get('where') ?? '' };
  }
  return { view: 'map', search };
}

const PATHS: Readonly<Record<Route['view'], string>> = {
  map: '/',
  channels: '/channels',
  channel: '/channel',
  services: '/services',
  service: '/service',
};

/** The address of a view. */
export function addressOf(route: Route): string {
  const parameters = new URLSearchParams();
  const set = (key: string, value: string, preset = '') => value !== preset && parameters.set(key, value);
  if (route.view === 'channel') {
    set('name', route.name);
    set('where', route.where);
  } else if (route.view === 'service') {
    set('name', route.name);
  } else {
    set('q', route.search);
    if (route.view === 'channels') set('sort', route.sort, '-rate');
  }
  const query = parameters.size > 0 ? `?${parameters}` : '';
  return `${PATHS[route.view]}${query}`;
}

/** The address of a channel's view. */
export function channelAddress(name: string): string {
  return addressOf({ view: 'channel', name, where: '' });
}

/** The address of a service's view. */
export function serviceAddress(name: string): string {
  return addressOf({ view: 'service', name });
}

const listeners = new Set<() => void>();

/** Goes to an address of the page. @param how `replace` adds nothing to the history, as for each letter of a search. */
export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', () => {
  for (const listener of listeners) listener();
});

// Links of the page are followed in it, unless the browser is asked for a tab of its own.
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a[href^="/"]') : null;
  if (link === null) return;
  event.preventDefault();
  go(link.getAttribute('href') as string);
});

/** What the address says now. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(new URL(location.href)));
  useEffect(() => {
    const listener = () => setRoute(routeOf(new URL(location.href)));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return route;
}
