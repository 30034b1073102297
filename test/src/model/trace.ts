import type { Visit } from './explorer.js';
import type { Operation, Result, Value } from './operations.js';
import type { Choice, Happening, State, Violation } from './state.js';
import type { World } from './world.js';

/** What happened, one line for each operation that others could notice. */
export async function traceOf<M>(
  world: World<M>,
  first: State,
  last: Visit,
  violation: Violation,
): Promise<string> {
  const choices: Choice[] = [];
  for (let visit: Visit | undefined = last; visit?.choice !== undefined; visit = visit.from)
    choices.push(visit.choice);
  const names = world.scenario.processes.map(({ name }) => name);
  const width = Math.max(...names.map(({ length }) => length));
  const lines: string[] = [];
  let state = first;
  for (const choice of choices.reverse()) {
    const name = (names[choice.process] as string).padEnd(width);
    const happenings: Happening[] = [];
    state = await world.step(state, choice, happenings);
    if (choice.what === 'kill') lines.push(`${name}  is killed`);
    for (const { operation, result, before } of happenings) {
      const [where = '', caller = ''] = await world.explain(choice.process, before);
      const code = where === '' ? '' : `   [${caller === '' ? where : `${caller} > ${where}`}]`;
      lines.push(`${name}  ${describe(world, operation, result)}${code}`);
    }
  }
  return [...lines, `=> ${violation.label}: ${violation.text}`].join('\n');
}

function describe<M>(world: World<M>, operation: Operation, result: Result): string {
  switch (operation.kind) {
    case 'memory': {
      const { access, cell, value, expected } = operation;
      const name = world.environment.cells.names[cell];
      if (access === 'load' || access === 'read') return `${access} ${name}: ${show(result)}`;
      if (access === 'compareExchange') {
        return `${access} ${name}: ${show(expected)} -> ${show(value)}${result === expected ? '' : `, but it is ${show(result)}`}`;
      }
      if (access === 'add' || access === 'sub' || access === 'exchange')
        return `${access} ${name} ${show(value)}, was ${show(result)}`;
      return `${access} ${name}: ${show(value)}`;
    }
    case 'system':
      return `${operation.call} port ${operation.port}: ${result}`;
    case 'idle':
      return `wakes by ${result}`;
    default:
      return operation.kind;
  }
}

function show(value: Value | string | undefined): string {
  return typeof value === 'number' && value > 1023 ? `0x${value.toString(16)}` : String(value);
}
