import { describe, expect, it } from 'vitest';
import { parse } from '../support/parsed-sources.js';
import { applyChanges, type Change, inside } from './changes.js';
import { transpile } from './sources.js';

const BELL = `
  export class Bell {
    happened = '';
    /** What is called in a comment does not count: look(). */
    ring(): string {
      this.#look();
      atStep?.('bell: looked at');
      const found = this.#count();
      if (found > least()) this.#send(found);
      return this.happened.trim();
    }
    #look(): void { this.happened += 'look '; }
    #count(): number { this.happened += 'count '; return 1; }
    #send(found: number): void { this.happened += 'send ' + found + ' '; }
  }`;
const LEAST = 'export function least(): number { return Math.min(0, NONE); }\nconst NONE = 0;';

/** The same in another formatting. */
const BELL_ANEW = `
export class Bell
{
    happened = ''
    ring(): string
    {
        this
            .#look() // look()
        atStep?.(
            "bell: looked at",
        )
        const found = this.#count()
        if (
            found > least()
        )
            this
                .#send(
                    found,
                )
        return this.happened.trim()
    }
    #look(): void { this.happened += 'look ' }
    #count(): number { this.happened += 'count '; return 1 }
    #send(found: number): void { this.happened += 'send ' + found + ' ' }
}`;
const LEAST_ANEW = 'const NONE = 0\nexport function\nleast(): number\n{\n return Math\n.min(\n0, NONE) }';

/** What happens when the bell rings. */
function ring(change: Change, ...files: readonly string[]): string {
  const sources = new Map(files.map((text, index) => [`${index}.ts`, parse(`${index}.ts`, text)]));
  const changed = [...applyChanges(sources, [change])].map(([file, { text }]) => transpile(file, text));
  return new Function('exports', 'atStep', `${changed.join('\n')}; return new Bell().ring()`)({});
}

describe('a change of the sources', () => {
  it.for<[string, Change, string]>([
    ['leaves out a call', inside('Bell.ring').leaveOut('look'), 'count send 1'],
    ['leaves out a step', inside('Bell.ring').leaveOut('bell: looked at'), 'count send 1'],
    ['leaves out nothing but the call', inside('Bell.ring').leaveOut('atStep'), 'look count send 1'],
    ['leaves out what a condition is for', inside('Bell.ring').leaveOut('send'), 'look count'],
    ['puts a value in place of a call', inside('Bell.ring').let('count').be('7'), 'look send 7'],
    ['puts a value in place of a name', inside('least').let('NONE').be('-1'), 'look count send 1'],
    ['changes a function by itself', inside('least').let('min').be('1'), 'look count'],
    [
      'inserts something before a statement',
      inside('Bell.ring').insert('this.#look()').before('send'),
      'look count look send 1',
    ],
    [
      'inserts something after a statement',
      inside('Bell.ring').insert('this.#look()').after('send'),
      'look count send 1 look',
    ],
    [
      'moves a step after a statement',
      inside('Bell.ring').move('bell: looked at').after('send'),
      'count send 1 look',
    ],
    [
      'moves a statement before another one',
      inside('Bell.ring').move('look').before('send'),
      'count look send 1',
    ],
    [
      'moves a statement before a step',
      inside('Bell.ring').move('count').before('bell: looked at'),
      'count look send 1',
    ],
  ])('%s, whatever the file and the formatting', ([, change, happens]) => {
    expect(ring(change, BELL, LEAST)).toBe(happens);
    expect(ring(change, LEAST_ANEW, BELL_ANEW)).toBe(happens);
  });

  it.for<[string, Change, string]>([
    ['no such class', inside('Ball.ring').leaveOut('look'), 'a function Ball.ring once, not 0 times'],
    ['no such function', inside('Bell.rang').leaveOut('look'), 'a function Bell.rang once, not 0 times'],
    ['no such name', inside('Bell.ring').leaveOut('lock'), "Bell.ring must have 'lock' once, not 0 times"],
    ['no such step', inside('Bell.ring').leaveOut('bell: rung'), "'bell: rung' once, not 0 times"],
    ['a name twice', inside('Bell.look').leaveOut('happened'), "'happened' once, not 2 times"],
    ['a function twice', inside('least').leaveOut('min'), 'a function least once, not 2 times'],
    [
      'nothing well-formed to insert',
      inside('Bell.ring').insert('look(').after('send'),
      "0.ts: ')' expected",
    ],
    ['nothing to move', inside('Bell.ring').move('least').after('send'), 'nothing moves'],
  ])('is refused where there is %s', ([, change, message]) => {
    const twice = BELL.replace('#look(): void {', '#look(): void { this.happened += " ";');
    expect(() => ring(change, twice, LEAST, LEAST)).toThrow(message);
  });
});
