import { createInterface } from 'node:readline';

/** Does what the command line says, one command an argument, then each line of the standard input, until its end or `end`. */
export async function commands(actions) {
  const lines = createInterface({ input: process.stdin });
  const all = async function* () {
    yield* process.argv.slice(2);
    yield* lines;
  };
  for await (const line of all()) {
    const [word, argument] = line.trim().split(' ');
    if (word === 'end') break;
    if (Object.hasOwn(actions, word)) await actions[word](argument);
    else console.error(`there is no command ${word}; there are ${Object.keys(actions).join(', ')}, end`);
  }
  lines.close();
}
