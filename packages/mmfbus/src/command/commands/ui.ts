import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { wholeNumber } from '@mmfbus/terminal';
import { UiServer } from '../../ui/server.js';
import { type Command, type Context, defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { version } from '../version.js';

const options = {
  port: { type: 'string', default: '0', value: 'PORT', about: 'port on 127.0.0.1; 0 for any that is free' },
  open: { type: 'boolean', about: 'open the page in the browser, also where the output is no terminal' },
  'no-open': { type: 'boolean', about: 'print the address only' },
  write: { type: 'boolean', about: 'let the page publish messages and make calls' },
} as const;

export const command: Command = defineCommand({
  name: 'ui',
  summary: 'show the bus as a live page in the browser',
  usage: '[--write] [--port PORT]',
  help: `Serves the page on 127.0.0.1 until Ctrl-C. The address opens it in one browser, once: Enter prints another
address. Nothing leaves this machine, and nothing is looked at while no page is open.

  mmfbus ui
  mmfbus ui --write --port 7000`,
  options,
  run,
});

async function run(context: Context<typeof options>): Promise<number> {
  const { values, out, signal, scope, openBus } = context;
  const port = wholeNumber('--port', values.port, 0, 65_535);
  const server = await UiServer.start({
    openBus,
    scope,
    version: version(),
    write: values.write === true,
    port,
  });
  try {
    const address = server.newAddress();
    await tell(out, address, values.json === true);
    const opens = values.open === true || (out.isTerminal && values['no-open'] !== true);
    if (opens) openBrowser(address);
    await untilAborted(signal, server, out, values.json === true);
  } finally {
    await server.close();
  }
  return 0;
}

async function tell(out: Output, address: string, isJson: boolean): Promise<void> {
  if (isJson) return out.json({ address });
  await out.line(`The bus as a page, for one browser: ${out.style('bold', address)}`);
  if (out.isTerminal) await out.line('Enter prints another address, Ctrl-C ends.');
}

async function untilAborted(
  signal: AbortSignal,
  server: UiServer,
  out: Output,
  isJson: boolean,
): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', () => void tell(out, server.newAddress(), isJson));
  try {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    lines.close();
    process.stdin.unref?.();
  }
}

/** Asks the system for the user's browser. Where there is none, the address stands on the terminal. */
function openBrowser(address: string): void {
  const [file, ...args] =
    process.platform === 'win32'
      ? ['cmd', '/c', 'start', '""', address]
      : [process.platform === 'darwin' ? 'open' : 'xdg-open', address];
  const child = spawn(file as string, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
