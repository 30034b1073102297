import type { Key } from 'node:readline';
import type { Bus } from '@mmfbus/channel';
import { UsageError, wholeNumber } from '@mmfbus/terminal';
import { BridgeLooks } from '../../ui/bridge-rows.js';
import type { BridgeRow, ChannelRow } from '../../ui/protocol.js';
import { Programs, rowOf, type Sample } from '../../ui/rows.js';
import { asChannelRow } from '../../ui/service-channel.js';
import { isOfBridge, readBridges } from '../bridge/state.js';
import { servicesIn } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { pause } from '../pause.js';
import { ServiceLooks } from '../services/service-looks.js';
import { type Canvas, draw, roomOf } from '../top/drawing.js';
import { entriesOf, SORTS, type Sort, type View } from '../top/ranking.js';
import { Screen } from '../top/screen.js';

const SHORTEST_INTERVAL = 100;
const LONGEST_INTERVAL = 60_000;
/** Milliseconds for which rates are measured where it is printed once. */
const SAMPLE_MS = 500;
/** Columns where the output is no terminal. */
const PRINTED_COLUMNS = 120;

const options = {
  sort: {
    type: 'string',
    short: 's',
    default: 'rate',
    value: 'WHAT',
    words: Object.keys(SORTS),
    about: `order: ${Object.keys(SORTS).join(', ')}`,
  },
  interval: {
    type: 'string',
    short: 'i',
    default: '1000',
    value: 'MS',
    about: 'milliseconds between two looks',
  },
} as const;

export const command: Command = defineCommand({
  name: 'top',
  summary: 'show channels, services and participants by rate, lag and wake-ups, on the full screen',
  usage: '[TEXT]',
  wordCount: { least: 0, most: 1 },
  help: `Shows what has TEXT in the name of the channel or of one of its participants. Where the output is no terminal, or with
--json, it is printed once. > publishes, < subscribes reliably, ~ subscribes lossily, x was given up; = serves, ? calls. The
rate of a service is that of the calls that end. Above stands each bridge that mmfbus bridge runs.
Keys: r b l w n sort (again: reversed), / filter, p participants, arrows scroll, q quit.`,
  showsAll: true,
  options,
  run,
});

async function run(context: Context<typeof options>): Promise<number> {
  const { values, words, out, signal, openBus } = context;
  const interval = wholeNumber('--interval', values.interval, SHORTEST_INTERVAL, LONGEST_INTERVAL);
  const view: View = {
    sort: sortOf(values.sort),
    isReversed: false,
    filter: words[0] ?? '',
    participants: true,
  };
  const bus = await openBus();
  const looks = new Rows(bus);
  const look = async () => looks.take(await bus.list({ signal }));
  if (out.isTerminal && values.json !== true) {
    await new Top(view, (style, text) => out.style(style, text)).run(look, interval, signal);
    return 0;
  }
  const first = await look();
  const isEmpty = first.channels.length === 0 && first.bridges.length === 0;
  if (!isEmpty && !(await pause(SAMPLE_MS, signal))) return 0;
  const { channels, bridges } = await look();
  if (values.json === true) {
    for (const { channel, participant } of entriesOf(channels, { ...view, participants: false })) {
      if (participant === undefined) await out.json(channel);
    }
    for (const bridge of bridges) await out.json(bridge);
    return 0;
  }
  const picture = { channels, bridges, view, top: 0, isTyping: false, time: timeNow() };
  const canvas = { columns: PRINTED_COLUMNS, rows: undefined, style: out.style.bind(out) };
  await out.line(draw(picture, canvas).join('\n'));
  return 0;
}

function sortOf(text: string): Sort {
  if (Object.hasOwn(SORTS, text)) return text as Sort;
  throw new UsageError(`--sort is one of ${Object.keys(SORTS).join(', ')}, not ${JSON.stringify(text)}`);
}

function timeNow(): string {
  return new Date().toLocaleTimeString('en-GB');
}

/** What one look has found. */
interface Looked {
  readonly channels: ChannelRow[];
  readonly bridges: readonly BridgeRow[];
}

/** Channels, services and bridges with what has changed since the look before. */
class Rows {
  readonly #bus: Bus;
  readonly #programs = new Programs();
  readonly #services = new ServiceLooks(this.#programs);
  readonly #bridges = new BridgeLooks();
  #samples = new Map<string, Sample>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  take(listed: readonly Sample['info'][]): Looked {
    const at = performance.now();
    const before = this.#samples;
    const infos = listed.filter((info) => info.service === undefined && !isOfBridge(info));
    this.#samples = new Map(infos.map((info) => [info.name, { at, info }]));
    const channels = [
      ...infos.map((info) => rowOf({ at, info }, before.get(info.name), this.#programs)),
      ...this.#services.rows(servicesIn(listed)).map(asChannelRow),
    ];
    return { channels, bridges: this.#bridges.take(readBridges(this.#bus, listed), at) };
  }
}

/** The full screen. */
class Top {
  #view: View;
  readonly #style: Canvas['style'];
  readonly #quit = new AbortController();
  readonly #screen: Screen;
  #looked: Looked = { channels: [], bridges: [] };
  #top = 0;
  #isTyping = false;

  constructor(view: View, style: Canvas['style']) {
    this.#view = view;
    this.#style = style;
    this.#screen = new Screen({ onKey: (text, key) => this.#onKey(text, key), onResize: () => this.#draw() });
  }

  async run(look: () => Promise<Looked>, interval: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#quit.signal]);
    try {
      for (let looks = 0; ; looks++) {
        this.#looked = await look();
        this.#draw();
        // The first rates come soon.
        if (!(await pause(looks === 0 ? Math.min(interval, SAMPLE_MS) : interval, either))) return;
      }
    } finally {
      this.#screen.close();
    }
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    const entries = entriesOf(this.#looked.channels, this.#view).length;
    this.#top = Math.max(0, Math.min(this.#top, entries - roomOf({ rows }, this.#looked.bridges.length)));
    const picture = {
      ...this.#looked,
      view: this.#view,
      top: this.#top,
      isTyping: this.#isTyping,
      time: timeNow(),
    };
    this.#screen.draw(draw(picture, { columns, rows, style: this.#style }));
  }

  #onKey(text: string, key: Key): void {
    if (key.ctrl === true && key.name === 'c') this.#quit.abort();
    else if (this.#isTyping) this.#type(text, key);
    else this.#choose(text, key);
    this.#draw();
  }

  #type(text: string, key: Key): void {
    const { filter } = this.#view;
    if (key.name === 'return' || key.name === 'enter') this.#isTyping = false;
    else if (key.name === 'escape') {
      this.#isTyping = false;
      this.#view = { ...this.#view, filter: '' };
    } else if (key.name === 'backspace') this.#view = { ...this.#view, filter: filter.slice(0, -1) };
    else if (key.ctrl !== true && key.meta !== true && /^[\x20-\x7e]$/.test(text)) {
      this.#view = { ...this.#view, filter: filter + text };
      this.#top = 0;
    }
  }

  #choose(text: string, key: Key): void {
    const page = roomOf({ rows: this.#screen.rows }, this.#looked.bridges.length);
    const steps: Record<string, number> = {
      up: -1,
      down: 1,
      pageup: -page,
      pagedown: page,
      home: Number.NEGATIVE_INFINITY,
      end: Number.MAX_SAFE_INTEGER,
    };
    const step = steps[key.name ?? ''];
    const sort = (Object.keys(SORTS) as Sort[]).find((name) => SORTS[name] === text);
    if (step !== undefined) this.#top += step;
    else if (text === 'q') this.#quit.abort();
    else if (text === '/') this.#isTyping = true;
    else if (text === 'p') this.#view = { ...this.#view, participants: !this.#view.participants };
    else if (key.name === 'escape') this.#view = { ...this.#view, filter: '' };
    else if (sort !== undefined) {
      const isReversed = sort === this.#view.sort && !this.#view.isReversed;
      this.#view = { ...this.#view, sort, isReversed };
      this.#top = 0;
    }
  }
}
