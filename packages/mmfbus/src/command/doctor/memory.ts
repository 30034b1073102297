import { accessSync, constants, lstatSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFolder } from '@mmfbus/core/internal';
import { printable } from '@mmfbus/terminal';
import { bytes, count, plural } from '../units.js';
import type { Fact, Finding } from './finding.js';
import { refusal } from './refusal.js';

/** Memory of a channel whose capacity is not set. */
const DEFAULT_CHANNEL: number = 8.1 * 2 ** 20;
const NEARLY_FULL = 0.9;
/** Segments that are named where the memory is full. */
const MOST_NAMED = 3;
const STICKY = 0o1000;
const WORLD_WRITABLE = 0o002;
const SEGMENT = /^mmfbus\.(?:(\d+)|g)\./;

/** What keeps this user from looking into the folder; undefined where nothing does. */
export function checkFolder(): Finding | undefined {
  let folder: string | undefined;
  try {
    folder = memoryFolder();
  } catch (error) {
    return refusal('the folder of the shared memory', error);
  }
  return folder === undefined ? undefined : checkAccess(folder, constants.R_OK | constants.X_OK);
}

/** Whether there is room for another channel, and the folder lets this user make one. */
export function checkMemory(): readonly (Finding | Fact)[] {
  const folder = memoryFolder();
  if (folder === undefined) return [];
  const place = printable(folder);
  return [...checkRoom(folder, place), ...checkPermissions(folder, place), ...checkFiles(folder, place)];
}

function checkAccess(folder: string, mode: number): Finding | undefined {
  try {
    accessSync(folder, mode);
    return undefined;
  } catch (error) {
    return {
      level: 'problem',
      text: `${printable(folder)} cannot be used: ${printable((error as Error).message)}`,
      remedy: 'let this user read and write it, or name another folder in MMFBUS_DIRECTORY',
    };
  }
}

interface Segment {
  readonly name: string;
  readonly size: number;
  readonly uid: number;
  readonly isFile: boolean;
}

function segmentsIn(folder: string): readonly Segment[] {
  return readdirSync(folder).flatMap((name) => {
    if (!SEGMENT.test(name)) return [];
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    return stat === undefined
      ? []
      : [{ name, size: stat.blocks * 512, uid: stat.uid, isFile: stat.isFile() }];
  });
}

function checkRoom(folder: string, place: string): readonly (Finding | Fact)[] {
  const { bsize, blocks, bavail, files, ffree } = statfsSync(folder);
  const [total, free] = [blocks * bsize, bavail * bsize];
  const segments = segmentsIn(folder).toSorted((a, b) => b.size - a.size);
  const ours = segments.reduce((sum, { size }) => sum + size, 0);
  const text = `${place}: ${bytes(free)} of ${bytes(total)} are free; ${plural(segments.length, 'segment')} of mmfbus ${segments.length === 1 ? 'takes' : 'take'} ${bytes(ours)}`;
  const found: (Finding | Fact)[] = [];
  if (free < DEFAULT_CHANNEL || free < total * (1 - NEARLY_FULL)) {
    const largest = segments
      .slice(0, MOST_NAMED)
      .map(({ name, size }) => `${printable(name)} ${bytes(size)}`);
    const level = free < DEFAULT_CHANNEL ? ('problem' as const) : ('hint' as const);
    found.push({
      level,
      text: `${text}${largest.length > 0 ? `, the largest: ${largest.join(', ')}` : ''}`,
      remedy:
        'end programs, remove other files, give channels a smaller capacity, or make the file system larger: mount -o remount,size=2G; in a container --shm-size',
    });
  } else found.push({ level: 'fact', text });
  if (files > 0 && ffree < files * (1 - NEARLY_FULL)) {
    found.push({
      level: 'hint',
      text: `${place}: ${count(ffree)} of ${count(files)} files are left`,
      remedy: 'remove files, or mount it with a larger nr_inodes',
    });
  }
  return found;
}

function checkPermissions(folder: string, place: string): readonly Finding[] {
  const found: Finding[] = [];
  const refused = checkAccess(folder, constants.W_OK);
  if (refused !== undefined) found.push(refused);
  const { mode } = statSync(folder);
  if ((mode & WORLD_WRITABLE) !== 0 && (mode & STICKY) === 0) {
    found.push({
      level: 'problem',
      text: `${place} lets every user remove the files of others: its mode is 0${(mode & 0o7777).toString(8)}`,
      remedy: `chmod +t ${place}`,
    });
  }
  return found;
}

function checkFiles(folder: string, place: string): readonly Finding[] {
  const found: Finding[] = [];
  for (const { name, uid, isFile } of segmentsIn(folder)) {
    if (!isFile) {
      found.push({
        level: 'problem',
        text: `${place}/${printable(name)} bears the name of a channel and is no regular file: no program can open a channel of this name`,
        remedy: 'remove it',
      });
      continue;
    }
    const owner = SEGMENT.exec(name)?.[1];
    if (owner === undefined || Number(owner) === uid) continue;
    found.push({
      level: 'problem',
      text: `${place}/${printable(name)} bears the name of user ${owner} and belongs to user ${uid}: that user cannot open a channel of this name`,
      remedy: `have user ${uid} remove it`,
    });
  }
  return found;
}
