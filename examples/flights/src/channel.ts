import { type Channel, defineChannel } from '@mmfbus/channel';
import { f64, type Infer, i16, struct, u16 } from '@mmfbus/codec';

const MiB = 2 ** 20;

/** One flight, as `flights-200k.json` has it. */
const flight = struct({
  /** Minutes it arrived late; negative when it was early. */
  delay: i16(),
  /** Miles between the two airports. */
  distance: u16(),
  /** Scheduled time of departure, in hours of the day: 13.5 is half past one in the afternoon. */
  time: f64(),
});

/** One flight. */
export type Flight = Infer<typeof flight>;

/** The name of the channel, unless told otherwise. */
export const DEFAULT_CHANNEL = 'flights';

/** The one definition of the channel that all the programs share. */
export function flightsChannel(name: string = DEFAULT_CHANNEL): Channel<Flight> {
  return defineChannel({ name, schema: flight, capacity: 8 * MiB });
}
