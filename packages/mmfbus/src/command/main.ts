import { runWords } from './run.js';

process.exitCode = await runWords(process.argv.slice(2));
