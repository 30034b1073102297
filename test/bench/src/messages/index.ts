import type { Shape } from '@mmfbus/codec';
import { blobShape, makeBlob } from './blob.js';
import { logRecordShape, makeLogRecord } from './log-record.js';
import { makeOrderBook, orderBookShape } from './order-book.js';
import { makeQuote, quoteShape } from './quote.js';

/** A message that is carried: each has its number, which its receiver checks. */
export interface Numbered {
  id: number;
}

interface MessageKind {
  make(): Numbered;
  readonly schema: Shape<unknown>;
}

export type MessageName = 'quote' | 'order book' | 'log record' | 'blob';

/** The messages that are carried, by their names. */
export const messageKinds: Readonly<Record<MessageName, MessageKind>> = {
  quote: { make: makeQuote, schema: quoteShape as Shape<unknown> },
  'order book': { make: makeOrderBook, schema: orderBookShape as Shape<unknown> },
  'log record': { make: makeLogRecord, schema: logRecordShape as Shape<unknown> },
  blob: { make: makeBlob, schema: blobShape as Shape<unknown> },
};
