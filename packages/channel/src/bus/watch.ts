import type { BusChange } from '../directory/channel-info.js';
import type { Directory } from '../directory/directory.js';
import type { Notice } from '../directory/directory-notice.js';
import { ChannelError } from '../foundation/errors.js';
import { PulledIterator, type PullSource } from '../foundation/pulled-iterator.js';
import { Feed } from './feed.js';
import { Known } from './known.js';

/** Finds out what changes about the channels, beginning with what there is. */
class Watch implements PullSource<BusChange> {
  readonly #directory: Directory;
  readonly #closing = new AbortController();
  #feed: Feed | undefined;
  readonly #known: Known;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#known = new Known((channel) => this.#feed?.lookAgain(channel), directory);
  }

  async pull(): Promise<readonly BusChange[]> {
    this.#feed ??= await Feed.open(this.#directory, this.#closing.signal);
    const feed = this.#feed;
    for (;;) {
      const news = feed.take();
      let changes: readonly BusChange[] = [];
      if (news === undefined) await feed.wait();
      else if (news === 'all') changes = await this.#lookAtAll(feed);
      else changes = await this.#lookAtOne(feed, news);
      if (changes.length > 0) return changes;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new ChannelError('CLOSED', 'the bus', 'the watch has ended'));
    await this.#feed?.close();
  }

  /*
   * A look shows how things are now, notices tell how they were. Where the channel was closed before the look, and opened
   * again, that notice waits still, and what was seen came after it: then the look is left to the notices that follow.
   */

  async #lookAtAll(feed: Feed): Promise<BusChange[]> {
    const known = this.#known;
    const found = await this.#directory.list(this.#closing.signal);
    await feed.catchUp();
    const gone = known.names().filter((name) => !found.has(name));
    return [
      ...gone.flatMap((name) => known.update(name, undefined)),
      ...[...found].flatMap(([name, seen]) =>
        seen === 'failed' || feed.expects(name, 'closed') ? [] : known.update(name, seen),
      ),
    ];
  }

  async #lookAtOne(feed: Feed, { kind, channel }: Notice): Promise<BusChange[]> {
    const known = this.#known;
    if (kind === 'closed') return known.update(channel, undefined);
    const changes = kind === 'opened' ? known.open(channel) : [];
    if (feed.expects(channel)) return changes;
    const seen = await this.#directory.tryInspect(channel, this.#closing.signal);
    // Where no participant is left, a notice or a death tells that it was closed.
    if (seen === undefined || seen === 'failed') return changes;
    await feed.catchUp();
    return feed.expects(channel, 'closed') ? changes : [...changes, ...known.update(channel, seen)];
  }
}

/**
 * Reports what changes about the channels, beginning with what there is.
 *
 * @param closing ends it in good order.
 * @param signal ends it by throwing its reason.
 */
export function watchDirectory(
  directory: Directory,
  closing: AbortSignal,
  signal: AbortSignal | undefined,
): AsyncGenerator<BusChange, void, undefined> {
  return new PulledIterator(new Watch(directory), { ends: closing, fails: signal });
}
