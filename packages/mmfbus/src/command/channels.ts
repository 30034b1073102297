import type { Bus, ChannelInfo } from '@mmfbus/channel';
import { printable, UsageError } from '@mmfbus/terminal';
import { Failure } from './failure.js';
import { globOf } from './glob.js';
import { suggestion } from './spelling.js';

/** The channels that are listed. The registries of services are none of them. */
export async function listChannels(bus: Bus, signal: AbortSignal): Promise<readonly ChannelInfo[]> {
  return (await bus.list({ signal })).filter(({ service }) => service === undefined);
}

/** The names of the services that are listed, sorted. */
export async function listServices(bus: Bus, signal: AbortSignal): Promise<readonly string[]> {
  return servicesIn(await bus.list({ signal }));
}

/** The names of those that are services. */
export function servicesIn(listed: readonly ChannelInfo[]): readonly string[] {
  return listed.flatMap(({ service }) => (service === undefined ? [] : [service])).sort();
}

/**
 * Looks at a channel that has to exist.
 *
 * @throws {Failure} that names the nearest spelling where there is no such channel.
 */
export async function channelOf(bus: Bus, name: string, signal: AbortSignal): Promise<ChannelInfo> {
  const info = await bus.inspect(name, { signal });
  if (info !== undefined) return info;
  throw await noSuchChannel(bus, name, signal);
}

/** What to say where there is no channel of that name. */
export async function noSuchChannel(bus: Bus, name: string, signal: AbortSignal): Promise<Failure> {
  const listed = await bus.list({ signal });
  if (servicesIn(listed).includes(name)) {
    return new Failure(`there is no channel ${name}, but a service: mmfbus services ${name}`);
  }
  const names = listed.flatMap((info) => (info.service === undefined ? [info.name] : []));
  const others = names.length === 0 ? '; there are no channels' : '';
  return new Failure(`there is no channel ${printable(name)}${suggestion(name, names) || others}`);
}

/**
 * The channels that are named, or with `--all` those that are listed.
 *
 * @throws {UsageError} where it is neither or both; {Failure} where a channel does not exist.
 */
export async function channelsOf(
  bus: Bus,
  names: readonly string[],
  all: boolean,
  signal: AbortSignal,
): Promise<readonly ChannelInfo[]> {
  if (all === names.length > 0) {
    throw new UsageError(
      all ? 'channels are named, or --all is given, not both' : 'name channels, or give --all',
    );
  }
  const listed = await listChannels(bus, signal);
  if (all) return listed;
  const found = new Map<string, ChannelInfo>();
  for (const name of names) {
    for (const info of await matching(bus, listed, name, signal)) found.set(info.name, info);
  }
  return [...found.values()];
}

/** Names hold no `*` and no `?`. */
async function matching(
  bus: Bus,
  listed: readonly ChannelInfo[],
  name: string,
  signal: AbortSignal,
): Promise<readonly ChannelInfo[]> {
  if (!/[*?]/.test(name)) return [await channelOf(bus, name, signal)];
  const matches = globOf(name);
  const found = listed.filter((info) => matches(info.name));
  if (found.length === 0) throw new Failure(`no channel matches ${printable(name)}`);
  return found;
}
