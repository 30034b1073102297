/** Smallest and largest ring, bytes. */
export const MIN_CAPACITY = 4096;
export const MAX_CAPACITY: number = 2 ** 30;
/** Largest `maxMessage`, bytes. */
export const LARGEST_MESSAGE: number = 2 ** 30;
/** Longest extension of a frame's header, bytes. */
export const MAX_EXTENSION_LENGTH = 64;
/** Longest text of a schema, bytes. */
export const MAX_SCHEMA_LENGTH: number = 2 ** 20;

/** Longest name of a channel, characters. */
export const MAX_NAME_LENGTH = 128;
/** Longest name of a service, characters. */
export const MAX_SERVICE_NAME_LENGTH = 100;
/** Bytes of the ring unless something else is asked for. */
export const DEFAULT_CAPACITY: number = 8 * 2 ** 20;
/** Slots of participants unless something else is asked for. */
export const DEFAULT_PARTICIPANTS = 64;
