import { useMemo, useReducer, useRef } from 'preact/hooks';
import type {
  BridgeRow,
  ChannelRow,
  Departure,
  OverviewEvent,
  ServiceRow,
  TroubleEvent,
} from '../../src/ui/protocol.js';
import { type Link, useStream } from './stream.js';

/** Milliseconds for which the dead are shown. */
const SHOWN_DEAD: number = 60_000;
/** Departures that are remembered at most, where participants come and go all the time. */
const MOST_DEPARTURES = 1000;

/** All channels and services, as the server told last. */
export interface OverviewState {
  readonly link: Link;
  /** Undefined until the server has told of them. */
  readonly channels: ReadonlyMap<string, ChannelRow> | undefined;
  readonly services: readonly ServiceRow[];
  readonly bridges: readonly BridgeRow[];
  readonly departures: readonly Departure[];
  readonly period: number;
  readonly trouble: string;
}

/** Follows all channels for as long as a view shows them. */
export function useOverview(): OverviewState {
  const channels = useRef<Map<string, ChannelRow> | undefined>(undefined);
  const services = useRef<readonly ServiceRow[]>([]);
  const bridges = useRef<readonly BridgeRow[]>([]);
  const departures = useRef<Departure[]>([]);
  const period = useRef(0);
  const trouble = useRef('');
  const [version, changed] = useReducer((count: number) => count + 1, 0);
  const link = useStream('/api/events', {
    overview: (event: OverviewEvent) => {
      const known = event.all || channels.current === undefined ? new Map() : channels.current;
      for (const row of event.channels) known.set(row.name, row);
      for (const name of event.gone) known.delete(name);
      channels.current = known;
      services.current = event.services ?? (event.all ? [] : services.current);
      bridges.current = event.bridges ?? (event.all ? [] : bridges.current);
      const oldest = Date.now() - SHOWN_DEAD;
      departures.current = [...departures.current, ...event.departures]
        .filter(({ at }) => at > oldest)
        .slice(-MOST_DEPARTURES);
      period.current = event.period;
      trouble.current = '';
      changed(undefined);
    },
    trouble: ({ text }: TroubleEvent) => {
      trouble.current = text;
      changed(undefined);
    },
  });
  return useMemo(
    () => ({
      link,
      channels: channels.current && new Map(channels.current),
      services: services.current,
      bridges: bridges.current,
      departures: departures.current,
      period: period.current,
      trouble: trouble.current,
    }),
    [link, version],
  );
}
