import type { ChannelInfo, ParticipantInfo } from '@mmfbus/channel';

/** A channel between two looks. */
export interface Seen {
  readonly info: ChannelInfo;
  /** Messages a second since the look before; undefined at the first. */
  readonly rate: number | undefined;
  /** Bytes of payloads a second, by the counters of its publishers; undefined at the first look. */
  readonly bandwidth: number | undefined;
  /** Seconds since the look before; 0 at the first. */
  readonly seconds: number;
}

interface Look {
  readonly at: number;
  readonly info: ChannelInfo;
}

/** Looks at channels again and again, and says what their numbers make of it. */
export class Looks {
  #last = new Map<string, Look>();

  /** Compares with the look before. */
  take(channels: readonly ChannelInfo[]): Seen[] {
    const at = performance.now();
    const before = this.#last;
    this.#last = new Map(channels.map((info) => [info.name, { at, info }]));
    return channels.map((info) => {
      const last = before.get(info.name);
      if (last === undefined || last.info.incarnation !== info.incarnation) {
        return { info, rate: undefined, bandwidth: undefined, seconds: 0 };
      }
      const seconds = Math.max(at - last.at, 1) / 1000;
      return {
        info,
        rate: (info.published - last.info.published) / seconds,
        bandwidth: payloadBetween(last.info, info) / seconds,
        seconds,
      };
    });
  }
}

/** Bytes that the publishers of the second look have published since the first. */
function payloadBetween(before: ChannelInfo, after: ChannelInfo): number {
  const then = new Map(publishersOf(before).map((one) => [one.slot, one]));
  let bytes = 0;
  for (const publisher of publishersOf(after)) {
    const last = then.get(publisher.slot);
    const isSame = last !== undefined && last.pid === publisher.pid;
    const counted = publisher.counters.bytes - (isSame ? last.counters.bytes : 0);
    // A slot that has another owner begins at nothing.
    bytes += counted < 0 ? publisher.counters.bytes : counted;
  }
  return bytes;
}

/** Those of its participants that publish. */
export function publishersOf({ participants }: ChannelInfo): readonly ParticipantInfo[] {
  return participants.filter(({ role }) => role === 'publisher');
}

/** Those of its participants that subscribe. */
export function subscribersOf({ participants }: ChannelInfo): readonly ParticipantInfo[] {
  return participants.filter(({ role }) => role === 'subscriber');
}

/** Bytes of the ring that the slowest of its subscribers has not read. */
export function largestLag(info: ChannelInfo): number {
  return Math.max(0, ...subscribersOf(info).map(({ lag = 0 }) => lag));
}
