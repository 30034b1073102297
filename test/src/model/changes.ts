import ts from 'typescript';
import { parse, type Sources, theOnly } from '../support/parsed-sources.js';

/** Text that replaces what is between two positions of a file. */
interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A change of one function of the sources. */
export interface Change {
  readonly inside: string;
  /** @param find gives the only node that a place in the function stands for. */
  readonly splices: (find: (place: string) => ts.Node) => readonly Splice[];
}

/**
 * What can be changed in a function. A place in it is the name that is called, read or assigned there, like
 * `ringSubscribers`, or a step that the sources name, like `wake: flag cleared`: the one statement before the step. There
 * must be exactly one such place in the function.
 */
interface Changes {
  /** The call does not happen; its result is `undefined`. */
  leaveOut(place: string): Change;
  /** Instead of the call, or of the value that is read, there is another expression. */
  let(place: string): { be(expression: string): Change };
  /** Statements happen that are not there. */
  insert(code: string): Beside;
  /** The statement of that place happens at another one. */
  move(place: string): Beside;
}

/** Where something happens: before or after the statement of a place. */
interface Beside {
  before(place: string): Change;
  after(place: string): Change;
}

/**
 * Changes a function, in whatever file it is, and however it is formatted.
 *
 * @param name of a function, or of a class and a method, like `RingWriter.commit`; private names are without their `#`.
 */
export function inside(name: string): Changes {
  const change = (splices: Change['splices']): Change => ({ inside: name, splices });
  return {
    leaveOut: (place) => change((find) => [replace(find(place), 'undefined')]),
    let: (place) => ({ be: (expression) => change((find) => [replace(find(place), expression)]) }),
    insert: (code) => ({
      before: (place) => change((find) => [insert(code, statementOf(find(place)).getStart())]),
      after: (place) => change((find) => [insert(code, statementOf(find(place)).getEnd())]),
    }),
    move: (place) => ({
      before: (other) => change((find) => move(statementOf(find(place)), statementOf(find(other)), 'before')),
      after: (other) => change((find) => move(statementOf(find(place)), statementOf(find(other)), 'after')),
    }),
  };
}

/** The sources with the changes, each made after the one before it. */
export function applyChanges(sources: Sources, changes: readonly Change[]): Sources {
  const changed = new Map(sources);
  for (const { inside, splices } of changes) {
    const body = findFunction(changed, inside);
    const source = body.getSourceFile();
    let { text } = source;
    const find = (place: string) => theOnly(placesIn(body, place), `'${place}'`, inside);
    for (const splice of [...splices(find)].sort((one, other) => other.from - one.from)) {
      text = text.slice(0, splice.from) + splice.text + text.slice(splice.to);
    }
    changed.set(source.fileName, parse(source.fileName, text));
  }
  return changed;
}

// Braces and semicolons make these right wherever the line before ends.

function replace(node: ts.Node, expression: string): Splice {
  const whole = ts.isExpressionStatement(node.parent) ? node.parent : node;
  const text = ts.isStatement(whole) ? `{ ${expression}; }` : `(${expression})`;
  return { from: whole.getStart(), to: whole.getEnd(), text };
}

function insert(code: string, position: number): Splice {
  return { from: position, to: position, text: `;${code};` };
}

function move(moved: ts.Statement, target: ts.Statement, side: 'before' | 'after'): Splice[] {
  const [from, to] = [moved.getStart(), moved.getEnd()];
  const position = side === 'before' ? target.getStart() : target.getEnd();
  if (position >= from && position <= to) throw new Error(`nothing moves: ${moved.getText()}`);
  return [{ from, to, text: ';' }, insert(moved.getText(), position)];
}

function findFunction(sources: Sources, name: string): ts.Block {
  const [method, className] = name.split('.').reverse();
  const found = [...sources.values()]
    .flatMap(({ statements }) => [...statements])
    .flatMap((statement): readonly ts.Node[] => {
      if (className === undefined) return [statement];
      return ts.isClassDeclaration(statement) && statement.name?.text === className ? statement.members : [];
    })
    .filter((node) => ts.isFunctionDeclaration(node) || ts.isClassElement(node))
    .filter((node) => (ts.isConstructorDeclaration(node) ? 'constructor' : nameOf(node.name)) === method)
    .flatMap((node) => ('body' in node && node.body !== undefined ? [node.body as ts.Block] : []));
  return theOnly(found, `a function ${name}`, 'the sources');
}

function placesIn(body: ts.Block, place: string): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return;
    if (usedName(node) === place) {
      const isCalled = ts.isCallExpression(node.parent) && node.parent.expression === node;
      found.push(isCalled ? node.parent : node);
    }
    if (stepAt(node) === place) found.push(statementBefore(statementOf(node)));
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}

/** The name of what is called, read or assigned by exactly this node. */
function usedName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return nameOf(node.name);
  if (!ts.isIdentifier(node)) return undefined;
  const { name, propertyName } = node.parent as { readonly name?: ts.Node; readonly propertyName?: ts.Node };
  return name === node || propertyName === node ? undefined : node.text;
}

function stepAt(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || usedName(node.expression) !== 'atStep') return undefined;
  const [step] = node.arguments;
  return step !== undefined && ts.isStringLiteralLike(step) ? step.text : undefined;
}

function nameOf(name: ts.Node | undefined): string | undefined {
  return name?.getText().replace(/^#/, '');
}

/** The statement in a list of statements that the node is, or is a part of. */
function statementOf(node: ts.Node): ts.Statement {
  let statement = node;
  while (!listAround(statement).includes(statement)) statement = statement.parent;
  return statement as ts.Statement;
}

function statementBefore(statement: ts.Statement): ts.Statement {
  const list = listAround(statement);
  const before = list[list.indexOf(statement) - 1];
  if (before === undefined) throw new Error(`no statement is before ${statement.getText()}`);
  return before as ts.Statement;
}

function listAround({ parent }: ts.Node): readonly ts.Node[] {
  return 'statements' in parent ? (parent.statements as ts.NodeArray<ts.Statement>) : [];
}
