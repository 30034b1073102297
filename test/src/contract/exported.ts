import { join } from 'node:path';
import ts from 'typescript';
import { workspaceRoot } from '../support/workspace.js';

/** The entry points whose exports are looked at, by the name that the table of subjects has for them. */
const entryPoints: Readonly<Record<string, { readonly module: string; readonly types: string }>> = {
  channel: { module: '@mmfbus/channel', types: 'packages/channel/dist/index.d.ts' },
  core: { module: '@mmfbus/core', types: 'packages/core/dist/index.d.ts' },
  'core/internal': { module: '@mmfbus/core/internal', types: 'packages/core/dist/internal.d.ts' },
  service: { module: '@mmfbus/service', types: 'packages/service/dist/index.d.ts' },
  winmmf: { module: '@mmfbus/core/winmmf', types: 'packages/core/dist/winmmf.d.ts' },
};

/** Why a function belongs into the table. */
export type Kind = 'promise' | 'iterator' | 'callback';

/** Types that are a promise by their name. */
const PROMISES: readonly string[] = ['Promise', 'PromiseLike'];
/** What stands for functions of Node. */
const NODES_OWN = 'core/internal.Timers';
/** So deep the options of an argument may lie. */
const DEEPEST = 4;

/** An exported function or method. */
export interface Declared {
  readonly kinds: ReadonlySet<Kind>;
  /** Whether its owner is exported as more than a type. */
  readonly isLoaded: boolean;
}

/** What the declarations of one entry point say, function by function. */
class Declarations {
  readonly #checker: ts.TypeChecker;
  readonly #found = new Map<string, Declared>();

  constructor(checker: ts.TypeChecker, source: ts.SourceFile, entry: string) {
    this.#checker = checker;
    const module = checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${source.fileName} exports nothing`);
    for (const symbol of checker.getExportsOfModule(module)) this.#look(symbol, entry);
  }

  /** All exported functions and methods, each with the kinds that it is of. */
  get found(): ReadonlyMap<string, Declared> {
    return this.#found;
  }

  #look(exported: ts.Symbol, entry: string): void {
    const symbol =
      exported.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported;
    const name = `${entry}.${exported.name}`;
    const isLoaded = !exported.declarations?.some(ts.isTypeOnlyExportDeclaration);
    const type = this.#typeOf(symbol);
    const isFunction = symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable);
    if (isFunction) this.#note(name, type.getCallSignatures(), isLoaded);
    if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) || name === NODES_OWN) return;
    if (isLoaded) this.#note(`${name}.constructor`, type.getConstructSignatures(), true, 'constructs');
    for (const member of isLoaded ? type.getProperties() : []) {
      if (member.name === 'prototype') continue;
      this.#note(`${name}.${readable(member.name)}`, this.#typeOf(member).getCallSignatures(), true);
    }
    for (const member of this.#checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      const key = `${name}#${readable(member.name)}`;
      this.#note(key, this.#typeOf(member).getCallSignatures(), isLoaded);
    }
  }

  #note(
    name: string,
    signatures: readonly ts.Signature[],
    isLoaded: boolean,
    how: 'calls' | 'constructs' = 'calls',
  ): void {
    if (signatures.length === 0) return;
    const kinds = new Set<Kind>();
    for (const signature of signatures) {
      const pending = how === 'calls' ? pendingKind(signature.getReturnType()) : undefined;
      if (pending !== undefined) kinds.add(pending);
      const parameters = signature.getParameters().map((parameter) => this.#typeOf(parameter));
      if (parameters.some((type) => this.#takesCallback(type, new Set()))) kinds.add('callback');
    }
    this.#found.set(name, { kinds, isLoaded });
  }

  /** Whether it is a function, or an object of types of ours that holds one. */
  #takesCallback(type: ts.Type, above: ReadonlySet<ts.Type>): boolean {
    if (above.has(type) || above.size > DEEPEST) return false;
    if (type.getCallSignatures().length > 0) return true;
    const seen = new Set([...above, type]);
    if (type.isUnionOrIntersection()) return type.types.some((part) => this.#takesCallback(part, seen));
    const bound = type.isTypeParameter() ? type.getConstraint() : undefined;
    if (bound !== undefined) return this.#takesCallback(bound, seen);
    return type
      .getProperties()
      .filter((property) => property.declarations?.some(isOurs))
      .some((property) => this.#takesCallback(this.#typeOf(property), seen));
  }

  #typeOf(symbol: ts.Symbol): ts.Type {
    return this.#checker.getTypeOfSymbol(symbol);
  }
}

function pendingKind(type: ts.Type): Kind | undefined {
  if (PROMISES.includes(type.symbol?.name ?? '')) return 'promise';
  return type.getProperty('next') === undefined ? undefined : 'iterator';
}

function isOurs(declaration: ts.Declaration): boolean {
  return /\/packages\/\w+\/dist\//.test(declaration.getSourceFile().fileName);
}

/** TypeScript's name of a member whose key is a well-known symbol is `__@asyncIterator@123`. */
function readable(name: string): string {
  return name.replace(/^__@(\w+)@\d+$/, '[$1]');
}

/** All functions and methods that the entry points declare, each with the kinds that it is of. */
export function declaredFunctions(): Map<string, Declared> {
  const paths = Object.values(entryPoints).map(({ types }) => join(workspaceRoot, types));
  const program = ts.createProgram(paths, {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
    strict: true,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const found = Object.entries(entryPoints).flatMap(([entry, { types }]) => {
    const source = program.getSourceFile(join(workspaceRoot, types));
    if (source === undefined) throw new Error(`${types} is not built`);
    return [...new Declarations(checker, source, entry).found];
  });
  return new Map(found);
}

/** All functions and methods that are there when the packages are loaded, those that nothing declares among them. */
export async function loadedFunctions(): Promise<string[]> {
  const found: string[] = [];
  for (const [entry, { module }] of Object.entries(entryPoints)) {
    for (const [name, exported] of Object.entries((await import(module)) as Record<string, unknown>)) {
      if (typeof exported !== 'function') continue;
      const prototype: unknown = exported.prototype;
      if (!/^class\b/.test(Function.prototype.toString.call(exported))) found.push(`${entry}.${name}`);
      else if (isObject(prototype)) {
        found.push(`${entry}.${name}.constructor`);
        found.push(...functionsOf(exported).map((key) => `${entry}.${name}.${key}`));
        found.push(...inherited(prototype).map((key) => `${entry}.${name}#${key}`));
      }
    }
  }
  return found;
}

/** Names of the methods of a prototype, and of those that it inherits from others than Object and Error. */
function inherited(prototype: object): string[] {
  const names = new Set<string>();
  const ends: readonly unknown[] = [Object.prototype, Error.prototype, null];
  for (let one: object | null = prototype; !ends.includes(one); one = Object.getPrototypeOf(one)) {
    for (const name of functionsOf(one!)) names.add(name);
  }
  return [...names];
}

function functionsOf(owner: object): string[] {
  return Reflect.ownKeys(owner)
    .filter((key) => key !== 'constructor')
    .filter((key) => typeof Object.getOwnPropertyDescriptor(owner, key)?.value === 'function')
    .map((key) =>
      typeof key === 'string' ? key : `[${key.description?.replace(/^(Symbol|nodejs)\./, '')}]`,
    );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
