// One measurement of mmfbus alone; prints what it measured as one line of JSON.
import { say, startPartner, toldHere } from '../partner.js';
import { blockingServers } from './blocking-servers.js';
import { busy } from './busy.js';
import { frames } from './frames.js';
import { idle } from './idle.js';
import { idleService } from './idle-service.js';
import { lossy } from './lossy.js';
import { memory } from './memory.js';
import { open } from './open.js';
import type { Own, OwnJob, OwnMeasurement } from './own-job.js';
import { pingPong } from './ping-pong.js';
import { publishers } from './publishers.js';
import { channelIterated, stream, streamOfValues } from './streams.js';

const all: Record<OwnMeasurement, Own> = {
  frames,
  busy,
  lossy,
  publishers,
  idle,
  memory,
  open,
  'ping-pong': pingPong,
  stream,
  'stream-of-values': streamOfValues,
  'channel-iterated': channelIterated,
  'blocking-servers': blockingServers,
  'idle-service': idleService,
};

const job = JSON.parse(process.argv[2] as string) as OwnJob;
const own = all[job.what];
const told = toldHere();
if (told === undefined) say(JSON.stringify(await own.measure(job, startPartner)));
else await own.partner?.(job, say, told);
