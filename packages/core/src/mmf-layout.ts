/**
 * The memory of a mapping, as winmmf 0.4 to 0.6 has it (https://docs.rs/winmmf): one little-endian 32-bit lock word,
 * then the data. A mapping for n bytes of data has n + 4 bytes.
 */
export const LOCK_WORD_OFFSET = 0;
const LOCK_WORD_LENGTH = 4;
/** Where the data begins. */
export const DATA_OFFSET: number = LOCK_WORD_OFFSET + LOCK_WORD_LENGTH;
