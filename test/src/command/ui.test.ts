import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineChannel } from '@mmfbus/channel';
import { struct, u8 } from '@mmfbus/codec';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { packageFolder } from '../support/workspace.js';
import { type LivePage, startLivePage } from './live-page.js';

const MOST_COMPRESSED = 150_000;

ownDirectory('ui');

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request as any program can send it, with headers that a browser would not let a page set. */
function ask(
  { port }: LivePage,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        // A stream has no end.
        if (response.headers['content-type']?.startsWith('text/event-stream') === true) asked.destroy();
      });
      const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      response.on('end', done).on('close', done);
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const tokenOf = (address: string) => new URLSearchParams(new URL(address).hash.slice(1)).get('token') ?? '';

/** Hands a token in, as the page does. */
function handIn(page: LivePage, token: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(page, '/api/session', {
    method: 'POST',
    headers: { origin: page.origin, ...headers },
    body: { token },
  });
}

async function sessionOf(page: LivePage): Promise<string> {
  const { headers } = await handIn(page, tokenOf(await page.newAddress()));
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

let page: LivePage;

beforeAll(async () => {
  page = await startLivePage([], { outlivesTest: true });
});

// Before its folder is looked at for the last time.
afterAll(() => page.close());

describe('access', () => {
  test('a token opens a session once, with a cookie that scripts and other sites do not get', async () => {
    const token = tokenOf(await page.newAddress());
    const { status, headers } = await handIn(page, token);
    expect(status).toBe(200);
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(
        new RegExp(`^mmfbus-${page.port}=[\\w-]{32}; HttpOnly; SameSite=Strict; Path=/$`),
      ),
    ]);
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    expect((await ask(page, '/api/hello', { headers: { cookie } })).status).toBe(200);
    expect((await handIn(page, token)).status).toBe(403);
  });

  test.each(['', 'wrong', 'A'.repeat(32)])('the token %j opens nothing', async (token) => {
    const { status, headers } = await handIn(page, token);
    expect(status).toBe(403);
    expect(headers['set-cookie']).toBeUndefined();
  });

  test.each(['/api/hello', '/api/events', '/api/events?channel=flights', '/api/else'])(
    '%s says nothing without a session, or with one that was made up',
    async (path) => {
      expect((await ask(page, path)).status).toBe(401);
      const cookie = `mmfbus-${page.port}=${'A'.repeat(32)}`;
      expect((await ask(page, path, { headers: { cookie } })).status).toBe(401);
    },
  );

  test.each(['evil.example', 'evil.example:PORT', '127.0.0.1', '127.0.0.1.evil.example:PORT', '[::1]:PORT'])(
    'a request for the host %s is refused, also with a session',
    async (host) => {
      const headers = { cookie: await sessionOf(page), host: host.replace('PORT', String(page.port)) };
      for (const path of ['/', '/api/hello', '/api/events']) {
        expect((await ask(page, path, { headers })).status, path).toBe(403);
      }
    },
  );

  test.each([
    'http://evil.example',
    'null',
    'http://127.0.0.1',
    'https://127.0.0.1:PORT',
    'http://localhost:PORT',
  ])('a request from the origin %s is refused, also with a session', async (origin) => {
    const headers = { cookie: await sessionOf(page), origin: origin.replace('PORT', String(page.port)) };
    expect((await ask(page, '/api/events', { headers })).status).toBe(403);
    expect((await ask(page, '/api/publish', { method: 'POST', headers, body: {} })).status).toBe(403);
    expect((await handIn(page, tokenOf(await page.newAddress()), headers)).status).toBe(403);
  });

  test('what does not say where it comes from may not change anything', async () => {
    const headers = { cookie: await sessionOf(page) };
    expect((await ask(page, '/api/publish', { method: 'POST', headers, body: {} })).status).toBe(403);
  });

  test('another site of this machine may link to the page, and no more', async () => {
    const headers = { cookie: await sessionOf(page), 'sec-fetch-site': 'same-site' };
    expect(
      (await ask(page, '/api/events', { headers: { ...headers, 'sec-fetch-mode': 'cors' } })).status,
    ).toBe(403);
    expect((await ask(page, '/', { headers: { ...headers, 'sec-fetch-mode': 'navigate' } })).status).toBe(
      200,
    );
  });

  test('it listens on the loopback address alone', async () => {
    const listening = readFileSync('/proc/net/tcp', 'utf8').split('\n');
    const port = page.port.toString(16).toUpperCase().padStart(4, '0');
    const lines = listening.filter((line) => new RegExp(`^ *\\d+: \\w+:${port} 00000000:0000 0A`).test(line));
    expect(lines.map((line) => line.trim().split(/\s+/)[1])).toEqual([`0100007F:${port}`]);
  });
});

describe('what is served', () => {
  test.each(['/', '/channels', '/channel?name=flights'])(
    '%s is the page, with a strict policy',
    async (path) => {
      const { status, headers, text } = await ask(page, path);
      expect(status).toBe(200);
      expect(text).toContain('<div id="app">');
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      // Nothing of it may come from elsewhere.
      expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    },
  );

  test.each(['/index.js', '/../package.json', '/%2e%2e/package.json', '/assets/../../ui.js', '/etc/passwd'])(
    '%s is not there',
    async (path) => {
      expect((await ask(page, path)).status).toBe(404);
    },
  );

  test('it is small', () => {
    const folder = join(packageFolder('mmfbus'), 'dist', 'page');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.\w+$/.test(file),
    );
    const sizes = files.map((file) => gzipSync(readFileSync(join(folder, file))).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_COMPRESSED);
  });

  test('nothing is published without --write', async () => {
    const channel = defineChannel({ name: uniqueName('ui'), schema: struct({ value: u8() }) });
    const subscriber = await channel.subscriber();
    const headers = { cookie: await sessionOf(page), origin: page.origin };
    const body = { channel: channel.name, value: { value: 1 } };
    const { status, text } = await ask(page, '/api/publish', { method: 'POST', headers, body });
    expect([status, text]).toEqual([403, 'mmfbus ui runs without --write']);
    expect(subscriber.position.sequence).toBe(0);
    await subscriber.close();
  });
});
