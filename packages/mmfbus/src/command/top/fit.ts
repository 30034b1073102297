/** Characters that take two columns of a terminal: those of East Asia, and most pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
/** Those that stand on the one before. */
const COMBINING = /\p{M}/u;

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Text cut or filled to so many columns of a terminal. */
export function fit(text: string, columns: number): string {
  let width = 0;
  let taken = '';
  for (const character of text) {
    const next = widthOf(character);
    if (width + next > columns)
      return taken.length > 0 && width >= columns ? endIn(taken, columns) : taken.padEnd(columns);
    width += next;
    taken += character;
  }
  return taken + ' '.repeat(columns - width);
}

/** The same, with an ellipsis in the place of the last character. */
function endIn(text: string, columns: number): string {
  const characters = [...text];
  let width = characters.reduce((sum, character) => sum + widthOf(character), 0);
  while (width > columns - 1) width -= widthOf(characters.pop() ?? '');
  return `${characters.join('')}…${' '.repeat(columns - 1 - width)}`;
}
