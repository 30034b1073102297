import { table } from '@mmfbus/terminal';
import { type Command, commonOptions, type Options } from './command.js';
import { allCommands } from './commands.js';

const helpOption: Options = { help: { type: 'boolean', short: 'h', about: 'print this text' } };

function optionRow(name: string, { short, value, about, default: preset }: Options[string]): string[] {
  const letter = short === undefined ? '    ' : `-${short}, `;
  const shown = typeof preset === 'string' ? `${about} (default: ${preset})` : about;
  return [`  ${letter}--${name}${value === undefined ? '' : ` ${value}`}`, shown];
}

/** What `mmfbus NAME --help` prints. */
export function helpOf({ name, usage, summary, help, options }: Command): string {
  const rows = Object.entries({ ...options, ...commonOptions, ...helpOption });
  return [
    `Usage: mmfbus ${name}${usage === undefined ? '' : ` ${usage}`}`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...(help === '' ? [] : [help]),
    `Options:\n${table(
      rows.map(([option, type]) => optionRow(option, type)),
      { left: [0, 1] },
    )}`,
  ].join('\n\n');
}

/** What `mmfbus --help` prints. */
export async function overview(): Promise<string> {
  const rows = (await allCommands()).map(({ name, summary }) => [`  ${name}`, summary]);
  return [
    'Usage: mmfbus COMMAND [options]',
    'Looks at the channels and services of this machine, and reaches into them.',
    `Commands:\n${table(rows, { left: [0, 1] })}`,
    'Every command has --help and --json. The exit status is 0, 1 where something failed, 2 for a wrong command line.',
    'Begin with: mmfbus ls',
  ].join('\n\n');
}
