export { type Command, explainError, runCommand } from './command.js';
export {
  type CommandLine,
  type OptionTypes,
  readCommandLine,
  UnknownOption,
  UsageError,
  wholeNumber,
} from './command-line.js';
export { printable, quoted } from './printable.js';
export { Progress } from './progress.js';
export { StatusLine } from './status-line.js';
export { type TableOptions, table, tableRow } from './table.js';
export { type ValueLineOptions, valueLine } from './value-line.js';
