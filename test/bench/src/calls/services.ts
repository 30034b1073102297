import { f64, type Shape, u32 } from '@mmfbus/codec';
import { defineService, type Method, method, type Service, type StreamOf, stream } from '@mmfbus/service';
import { type Quote, quoteShape } from '../messages/quote.js';

/** Answers a quote with what it is worth. */
export type WorthService = Service<{ readonly worth: Method<Shape<Quote>, Shape<number>> }>;

export function worthService(name: string): WorthService {
  return defineService({ name, methods: { worth: method({ input: quoteShape, output: f64() }) } });
}

/** Gives as many quotes as it is asked for. */
export type QuotesService = Service<{ readonly quotes: Method<Shape<number>, StreamOf<Shape<Quote>>> }>;

export function quotesService(name: string): QuotesService {
  return defineService({ name, methods: { quotes: method({ input: u32(), output: stream(quoteShape) }) } });
}

/** Has its process blocked for a while by each call, and gives the number that it got. */
export type BlockingService = Service<{ readonly block: Method<Shape<number>, Shape<number>> }>;

export function blockingService(name: string): BlockingService {
  return defineService({ name, methods: { block: method({ input: u32(), output: u32() }) } });
}
