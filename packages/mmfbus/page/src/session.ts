/** Milliseconds after which a server that gives no answer counts as gone. */
const PATIENCE = 2500;

/** Why the page may not look; undefined while it may, as far as it knows. */
export let refusal: string | undefined;

/** Hands in the one-time token of the address, where it has one, and takes it out of the address and the history. */
export async function enter(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    const response = await fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    // A session of before may be there.
    if (!response.ok) refusal = await response.text();
  } catch {
    // What asks next says that the server is gone.
  }
}

/** Whether the server knows this browser: `lost` where there is no server. */
export async function askServer(): Promise<'known' | 'refused' | 'lost'> {
  try {
    const response = await fetch('/api/hello', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (response.ok) return 'known';
    return response.status === 401 || response.status === 403 ? 'refused' : 'lost';
  } catch {
    return 'lost';
  }
}
