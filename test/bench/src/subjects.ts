import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Load } from './job.js';
import { type JobRequest, measureOwn, measurePeer } from './run.js';
import { ascending, percentile } from './statistics.js';

const run = promisify(execFile);

/** How much of everything is measured. */
export interface Scale {
  /** Times the usual number of messages. */
  readonly factor: number;
}

/** One thing that is measured, several times, in turns with all the others. */
export interface Subject {
  readonly unit: 'messages/s' | 'ns' | '%' | 'bytes';
  measure(signal: AbortSignal, scale: Scale): Promise<number>;
}

const OBJECT: Load = { kind: 'object' };
const MIB: Load = { kind: 'bytes', length: 2 ** 20 };

function messages(count: number, { factor }: Scale): number {
  return Math.max(100, Math.round(count * factor));
}

function flood(peer: string, load: Load, count: number): Subject {
  return {
    unit: 'messages/s',
    measure: async (signal, scale) => {
      const request: JobRequest = {
        peer,
        load,
        consumers: 1,
        pattern: 'flood',
        messages: messages(count, scale),
        interval: 0,
      };
      return (await measurePeer(request, signal)).rate as number;
    },
  };
}

function roundTrip(peer: string, interval: number, count: number): Subject {
  return {
    unit: 'ns',
    measure: async (signal, scale) => {
      const request: JobRequest = {
        peer,
        load: OBJECT,
        consumers: 1,
        pattern: 'echo',
        messages: messages(count, scale),
        interval,
      };
      return percentile(ascending((await measurePeer(request, signal)).roundTrips ?? []), 0.5);
    },
  };
}

function own(
  what: Parameters<typeof measureOwn>[0]['what'],
  unit: Subject['unit'],
  amount: number,
  count: number,
): Subject {
  return {
    unit,
    measure: (signal, scale) => measureOwn({ what, amount: messages(amount, scale), count }, signal),
  };
}

let limitProgram: string | undefined;

/** The C program of the limit, compiled at the first use. */
async function compileLimit(): Promise<string> {
  if (limitProgram !== undefined) return limitProgram;
  const folder = mkdtempSync(join(tmpdir(), 'mmfbus-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  limitProgram = join(folder, 'limit');
  const source = fileURLToPath(new URL('../native/limit.c', import.meta.url));
  await run('cc', ['-O2', '-std=c11', source, '-o', limitProgram]);
  return limitProgram;
}

const limit: Subject = {
  unit: 'ns',
  measure: async (signal, scale) => {
    const { stdout } = await run(await compileLimit(), [String(messages(10_000_000, scale))], { signal });
    return Number(stdout);
  },
};

const COLD_INTERVAL = 10_000;

/** Everything that the table is made of, by name. */
export const subjects: ReadonlyMap<string, Subject> = new Map(Object.entries({
  'object, mmfbus': flood('mmfbus', OBJECT, 500_000),
  'object, socket': flood('socket + msgpackr', OBJECT, 200_000),
  'object, child_process': flood('child_process (json)', OBJECT, 100_000),
  'object, worker_threads': flood('worker_threads', OBJECT, 200_000),
  'object, child_process advanced': flood('child_process (advanced)', OBJECT, 50_000),
  'object, zeromq': flood('zeromq (ipc) + msgpackr', OBJECT, 100_000),
  'object, NATS': flood('NATS + msgpackr', OBJECT, 100_000),
  'object, Redis': flood('Redis pub/sub + msgpackr', OBJECT, 50_000),
  '64 bytes by poll, mmfbus': own('poll-throughput', 'ns', 2_000_000, 1),
  '64 bytes, the limit in C': limit,
  '1 MiB, mmfbus': flood('mmfbus', MIB, 1000),
  '1 MiB, socket': flood('socket + msgpackr', MIB, 500),
  'round trip cold, mmfbus': roundTrip('mmfbus', COLD_INTERVAL, 200),
  'round trip cold, socket': roundTrip('socket + msgpackr', COLD_INTERVAL, 200),
  'round trip warm, mmfbus': roundTrip('mmfbus', 0, 20_000),
  'round trip warm, socket': roundTrip('socket + msgpackr', 0, 10_000),
  'round trip busy, mmfbus': own('busy-round-trip', 'ns', 50_000, 1),
  'publishing to 1 lossy': own('lossy-cost', 'ns', 500_000, 1),
  'publishing to 8 lossy': own('lossy-cost', 'ns', 500_000, 8),
  'idle, 100 channels': own('idle', '%', 3000, 100),
  'heap after 10 million': own('heap', 'bytes', 10_000_000, 1),
}));
