/** A test of names by a pattern: `*` is any number of characters, `?` one. */
export function globOf(pattern: string): (name: string) => boolean {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : `\\${character}`;
  });
  const expression = new RegExp(`^${source.replace(/(?:\.\*)+/g, '.*')}$`, 'su');
  return (name) => expression.test(name);
}
