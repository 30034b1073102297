import { quotesService } from '../calls/services.js';
import { makeQuote, type Quote } from '../messages/quote.js';
import { quoteChannel } from './channels.js';
import type { Own } from './own-job.js';

async function* generated(count: number): AsyncGenerator<Quote> {
  const quote = makeQuote();
  for (quote.id = 0; quote.id < count; quote.id++) yield quote;
}

function* atHand(count: number): Generator<Quote> {
  const quote = makeQuote();
  for (quote.id = 0; quote.id < count; quote.id++) yield quote;
}

/** Takes that many quotes, and throws where one is missing or comes twice. */
async function takeAll(quotes: AsyncIterable<Quote>, count: number): Promise<void> {
  let expected = 0;
  for await (const { id } of quotes) {
    if (id !== expected) throw new Error(`quote ${expected} of the stream has the id ${id}`);
    expected++;
  }
  if (expected !== count) throw new Error(`the stream ended after ${expected} quotes instead of ${count}`);
}

/** Values a second that a client reads of a stream; a stream of as many comes first, for the code to be compiled. */
function streamOf(quotes: (count: number) => Iterable<Quote> | AsyncIterable<Quote>): Own {
  return {
    async measure({ name, amount }, startPartner) {
      const partner = await startPartner();
      const client = await quotesService(name).client();
      await takeAll(client.quotes(amount), amount);
      const begin = performance.now();
      await takeAll(client.quotes(amount), amount);
      const end = performance.now();
      await client.$close();
      await partner.end();
      return { rate: (amount / (end - begin)) * 1000 };
    },

    async partner({ name }, say, told) {
      const server = await quotesService(name).serve({ quotes });
      say('ready');
      await told.line();
      await server.close();
    },
  };
}

/** The handler is an asynchronous generator, as most are. */
export const stream: Own = streamOf(generated);
/** The handler has its values at hand. */
export const streamOfValues: Own = streamOf(atHand);

/** Messages a second that a subscriber reads of a channel in the same way, with `for await`. */
export const channelIterated: Own = {
  async measure({ name, amount }, startPartner) {
    const subscriber = await quoteChannel(name).subscriber();
    const partner = await startPartner();
    let expected = 0;
    let begin = 0;
    for await (const { value } of subscriber) {
      if (value.id !== expected) throw new Error(`quote ${expected} of the channel has the id ${value.id}`);
      expected++;
      if (expected === amount) begin = performance.now();
      if (expected === 2 * amount) break;
    }
    const end = performance.now();
    await subscriber.close();
    await partner.end();
    return { rate: (amount / (end - begin)) * 1000 };
  },

  async partner({ name, amount }, say, told) {
    const publisher = await quoteChannel(name).publisher({ timestamps: false });
    say('ready');
    for (const quote of atHand(2 * amount)) {
      if (publisher.tryPublish(quote) !== 'published') await publisher.publish(quote);
    }
    await told.line();
    await publisher.close();
  },
};
