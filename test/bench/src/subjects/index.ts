import { bridge } from './bridge.js';
import { calls } from './calls.js';
import { limit } from './limit.js';
import { fanOut, oneWay, sizes, withoutCodec } from './one-way.js';
import { busy, frames, idle, lossy, memory, open, publishers } from './own.js';
import { real } from './real.js';
import { cold, distributions, warm } from './round-trips.js';
import type { Subject } from './subject.js';

/** Everything that is measured. */
export const allSubjects: readonly Subject[] = [
  ...oneWay,
  ...withoutCodec,
  ...frames,
  limit,
  ...sizes,
  ...cold,
  ...warm,
  busy,
  ...distributions,
  ...fanOut,
  ...publishers,
  ...lossy,
  ...idle,
  memory,
  open,
  ...calls,
  ...bridge,
  ...real,
];

/** Peers of the table of goals. */
const quickPeers: readonly (string | undefined)[] = [
  'mmfbus',
  'mmfbus, no shape',
  'Unix socket',
  'child_process',
];

/** What the table of goals needs: what `--quick` measures. */
export const quickSubjects: readonly Subject[] = [
  ...oneWay.filter(({ peer }) => quickPeers.includes(peer)),
  ...frames.slice(1),
  limit,
  ...sizes.filter(({ name }) => /^1 MiB: (?:mmfbus, views|Unix socket)$/.test(name)),
  ...[...cold, ...warm].filter(({ peer }) => peer === 'mmfbus' || peer === 'Unix socket'),
  busy,
  ...lossy,
  ...idle.slice(1),
  memory,
  ...calls,
  ...bridge,
];
