import { wholeNumber } from '@mmfbus/terminal';
import type { ServiceEvent } from '../../ui/protocol.js';
import { listServices } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { pause } from '../pause.js';
import { repaint } from '../repaint.js';
import { checkScope, checkServiceName, noSuchService, ServiceLooks } from '../services/service-looks.js';
import { allAsText, oneAsText } from '../services/tables.js';

/** Milliseconds between two looks of `--watch`. */
const WATCH_MS = 1000;
const LONGEST_SAMPLE = 60_000;

const options = {
  watch: { type: 'boolean', short: 'w', about: 'show it again each second, until Ctrl-C' },
  sample: {
    type: 'string',
    default: '300',
    value: 'MS',
    about: 'milliseconds for which the rates are measured; 0 for no rates',
  },
} as const;

export const command: Command = defineCommand({
  name: 'services',
  summary: 'list the services, or show one with its servers, methods and last calls',
  usage: '[NAME] [--watch]',
  wordCount: { least: 0, most: 1 },
  wordKind: 'service',
  help: `Looks on without joining: servers and clients do nothing for it. OPEN counts the calls that a server has and has not
answered, RUNNING those whose handlers run now. RATE, CALLS and the times are of calls that have ended; half of them took no
longer than P50, 99 of 100 no longer than P99, both since the server was started.

  mmfbus services
  mmfbus services calc --watch
  mmfbus services calc --json | jq '.methods[] | {name, p99}'`,
  options,
  run,
});

type ServicesContext = Context<typeof options>;

async function run(context: ServicesContext): Promise<number> {
  const { values, words, openBus, signal, scope } = context;
  const sample = wholeNumber('--sample', values.sample, 0, LONGEST_SAMPLE);
  const [name] = words;
  checkScope(scope);
  const looks = new ServiceLooks();
  if (name !== undefined) {
    checkServiceName(name);
    const look = async () => {
      const event = looks.event(name);
      if (event === undefined) throw await noSuchService(await openBus(), name, signal);
      return event;
    };
    await look();
    return show(context, sample, async () => {
      const event = await look();
      return { text: (out) => oneAsText(out, event), objects: [objectOf(event)] };
    });
  }
  const bus = await openBus();
  const list = async () => looks.rows(await listServices(bus, signal));
  const isThere = (await list()).length > 0;
  return show(context, isThere ? sample : 0, async () => {
    const rows = await list();
    return { text: (out) => allAsText(out, rows), objects: rows };
  });
}

interface Shown {
  text(out: Output): string;
  readonly objects: readonly unknown[];
}

/** Shows what is seen once, or again and again. */
async function show(
  { values, out, signal }: ServicesContext,
  sample: number,
  look: () => Promise<Shown>,
): Promise<number> {
  if (sample > 0 && !(await pause(sample, signal))) return 0;
  const print = async () => {
    for (const one of (await look()).objects) await out.json(one);
  };
  if (values.json === true) {
    do await print();
    while (values.watch === true && (await pause(WATCH_MS, signal)));
  } else if (values.watch === true) {
    await repaint(out, signal, WATCH_MS, async () => (await look()).text(out));
  } else await out.line((await look()).text(out));
  return 0;
}

function objectOf({ row, methods, calls, omitted }: ServiceEvent): unknown {
  return { ...row, methods, calls, omitted };
}
