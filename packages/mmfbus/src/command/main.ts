import { isatty } from 'node:tty';
import { runWords } from './run.js';

const terminals = [0, 1, 2].filter((fd) => isatty(fd));
process.exitCode = await runWords(process.argv.slice(2));
// Node sets each terminal back at its end, and aborts, with a core file, where a terminal is gone.
if (terminals.some((fd) => !isatty(fd))) process.kill(process.pid, 'SIGHUP');
