/** A phrasing that texts of this project avoid. */
export interface Term {
  /** The phrasing, as the failure names it. */
  readonly not: string;
  /** What to write instead. */
  readonly but: string;
  readonly pattern: RegExp;
  /** A sentence with it, which the pattern must find. */
  readonly example: string;
}

/**
 * The phrasings that documents, comments and error texts avoid. A reader should know at once which process, program or user a
 * sentence is about, and meet each thing under one name.
 */
export const TERMS: readonly Term[] = [
  {
    not: 'somebody, someone, anybody, anyone',
    but: 'the actor: another process, any participant, a user',
    pattern: /\b(?:some|any)(?:body|one)\b/i,
    example: 'The slot is somebody else’s.',
  },
  {
    not: 'nobody, everybody',
    but: 'the actor: no other process, every subscriber, all users',
    pattern: /\b(?:no|every)body\b/i,
    example: 'Nobody sees it before the commit.',
  },
  {
    not: 'everyone',
    but: 'the actor: every subscriber, all users',
    pattern: /(?<!')\beveryone\b(?!')/i,
    example: 'It is heard by everyone who sleeps.',
  },
  {
    not: 'whoever, whomever',
    but: 'the actor: the next owner, a process that …',
    pattern: /\bwhom?ever\b/i,
    example: 'Whoever comes next sweeps.',
  },
  {
    not: 'those who',
    but: 'the participants that …, the users that …',
    pattern: /\bthose who\b/i,
    example: 'Rings those who wait for room.',
  },
  {
    not: 'a process, program, participant, publisher or subscriber who',
    but: '… that: it is not a person',
    pattern: /\b(?:process|program|participant|publisher|subscriber)(?:e?s)? who\b/i,
    example: 'A publisher who dies leaves the lock held.',
  },
  {
    not: 'take part (in)',
    but: 'join, be a participant of',
    pattern: /\b(?:tak(?:e|es|ing|en)|took) part\b/i,
    example: 'A process that takes part in the channel.',
  },
  {
    not: 'that is none, what is none, is none of',
    but: 'an invalid …, an unknown …, not one of …',
    pattern: /\b(?:that|what|who) (?:is|are|was|were) none\b|\b(?:is|was) none of\b/,
    example: 'Refuses a timeout that is none.',
  },
  {
    not: 'how many it were',
    but: 'the number of …',
    pattern: /\bhow many it (?:was|were)\b/i,
    example: 'Says how many it were.',
  },
  {
    not: 'for the so manieth time',
    but: 'on the n-th occurrence',
    pattern: /\bmanieth\b/i,
    example: 'Dies at that step for the so manieth time.',
  },
  {
    not: 'let through altered',
    but: 'silently changed',
    pattern: /\blets? through altered\b/i,
    example: 'No value is let through altered.',
  },
  {
    not: 'the living, for participants',
    but: 'living participants, a living holder',
    pattern: /\b(?:by|from|of|to) the living\b(?! \w)/i,
    example: 'All slots are taken by the living.',
  },
  {
    not: 'to be had',
    but: 'available',
    pattern: /\b(?:is|are|was|were|be)(?: not)? to be had\b/i,
    example: 'The lock is not to be had.',
  },
  {
    not: 'which there are',
    but: 'the … that exist',
    pattern: /\bwhich there are\b/i,
    example: 'For programs that look which there are.',
  },
  {
    not: 'is told by it',
    but: 'is described there',
    pattern: /\b(?:is|are) told by it\b/i,
    example: 'A gap is told by it.',
  },
  {
    not: 'American spelling: behavior, initialize, recognize …',
    but: 'British spelling: behaviour, initialise, recognise …',
    pattern:
      /\b(?:behaviors?|canceled|canceling|labeled|[Rr]ecogniz(?:e|es|ed)|[Oo]rganiz(?:e|es|ed)|[Ss]ynchroniz(?:e|es|ed|ation)|[Oo]ptimiz(?:e|es|ed|ation)|[Ii]nitializ(?:e|es))\b/,
    example: 'It does not recognize the name.',
  },
  {
    not: 'whilst, amongst, thereof, whereof',
    but: 'while, among, of it, of which',
    pattern: /\b(?:whilst|amongst|(?:there|where)(?:of|in|to))\b/i,
    example: 'The file, and the owner thereof.',
  },
];
