import { isatty } from 'node:tty';
import { endBy } from './interruption.js';
import { runWords } from './run.js';

const terminals = [0, 1, 2].filter((fd) => isatty(fd));
const status = await runWords(process.argv.slice(2));
// Node sets each terminal back at its end, and aborts, with a core file, where a terminal is gone.
if (terminals.some((fd) => !isatty(fd))) endBy('SIGHUP');
// At once: an end by itself takes the handlers of signals off some milliseconds before the process is gone.
else process.exit(status);
