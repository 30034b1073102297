import { type Channel, defineChannel, MiB } from '@mmfbus/channel';

/** One flight, as `flights-200k.json` has it. */
export interface Flight {
  /** Minutes it arrived late; negative when it was early. */
  readonly delay: number;
  /** Miles between the two airports. */
  readonly distance: number;
  /** Scheduled time of departure, in hours of the day: 13.5 is half past one in the afternoon. */
  readonly time: number;
}

/** The name of the channel, unless told otherwise. */
export const DEFAULT_CHANNEL = 'flights';

/** The one definition of the channel that all the programs share. */
export function flightsChannel(name: string = DEFAULT_CHANNEL): Channel<Flight> {
  return defineChannel<Flight>({ name, capacity: 8 * MiB });
}
