import { isChannelName } from '@mmfbus/channel/internal';

/** Which channel belongs to which subject, both ways. */
export class NameMap {
  /** What the server is asked for: the subjects of all incarnations of all these channels. */
  readonly filter: string;
  readonly #channel: string;
  readonly #subject: string;
  /** Whether both stand for many: the rest of a channel's name is the rest of its subject. */
  readonly #isPattern: boolean;

  /** Of names that {@link nameProblem} has nothing against. */
  constructor(channel: string, subject: string) {
    this.#isPattern = channel.endsWith('*');
    this.#channel = this.#isPattern ? channel.slice(0, -1) : channel;
    this.#subject = this.#isPattern ? subject.slice(0, -1) : subject;
    this.filter = this.#isPattern ? subject : `${subject}.*`;
  }

  /** The subject of a channel, without an incarnation; undefined for other channels, and where its name is no subject. */
  subjectOf(channel: string): string | undefined {
    if (!this.#isPattern) return channel === this.#channel ? this.#subject : undefined;
    const rest = channel.slice(this.#channel.length);
    if (!channel.startsWith(this.#channel) || !isSubject(rest)) return undefined;
    return this.#subject + rest;
  }

  /** The channel of a subject without its incarnation; undefined where no channel has such a name. */
  channelOf(subject: string): string | undefined {
    if (!this.#isPattern) return subject === this.#subject ? this.#channel : undefined;
    if (!subject.startsWith(this.#subject)) return undefined;
    const channel = this.#channel + subject.slice(this.#subject.length);
    return channel.length > this.#channel.length && isChannelName(channel) ? channel : undefined;
  }

  /** Whether a channel is meant, be its name a subject or not. */
  means(channel: string): boolean {
    return this.#isPattern ? channel.startsWith(this.#channel) : channel === this.#channel;
  }
}

/** Why these do not belong together; undefined where they do. */
export function nameProblem(channel: string, subject: string): string | undefined {
  const isPattern = channel.endsWith('*');
  const name = isPattern ? channel.slice(0, -1) : channel;
  if (!(isPattern && name === '') && !isChannelName(name)) {
    return `a channel is 1 to 128 characters of A-Z a-z 0-9 . _ -, with * at its end for all that begin so, not ${JSON.stringify(channel)}`;
  }
  const fixed = isPattern ? subject.replace(/(^|\.)>$/, '') : subject;
  if (isPattern && !/(^|\.)>$/.test(subject))
    return `the subject of ${channel} must end in > as the channel does in *, unlike ${JSON.stringify(subject)}`;
  if (fixed === '' ? !isPattern : !isSubject(fixed)) {
    const due = isPattern ? 'tokens, then >' : 'tokens';
    return `a subject is ${due} with a . between them, without spaces, * and >, not ${JSON.stringify(subject)}`;
  }
  return undefined;
}

function isSubject(text: string): boolean {
  return /^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(text);
}

/** The subject and the incarnation that a full subject ends in; undefined where it ends in something else. */
export function splitSubject(
  full: string,
): { readonly subject: string; readonly incarnation: string } | undefined {
  const match = /^(.+)\.([0-9a-f]{16})$/.exec(full);
  return match === null ? undefined : { subject: match[1] as string, incarnation: match[2] as string };
}
