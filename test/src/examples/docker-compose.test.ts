import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { containers, isPossible } from '../containers/namespaces.js';
import { fencesOf, outputPattern } from '../docs/code-blocks.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';
import { exampleOf } from './shelf.js';

interface Service {
  readonly command?: string;
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, { readonly driver_opts: Readonly<Record<string, string>> }>>;
}

ownDirectory('compose');
const example = exampleOf('docker-compose');
const compose = parse(readFileSync(join(example.folder, 'compose.yaml'), 'utf8')) as Compose;

/** How a service shares memory with the others. */
function sharing({ user, environment, volumes }: Service): unknown {
  return { user, environment, volumes };
}

it('shares what docs/containers.md says is to be shared', () => {
  const page = readFileSync(join(workspaceRoot, 'docs', 'containers.md'), 'utf8');
  const documented = parse(fencesOf(page).find(({ info }) => info[0] === 'yaml')?.body ?? '') as Compose;
  const [due] = Object.values(documented.services).map(sharing);
  expect(Object.values(compose.services).map(sharing)).toEqual([due, due]);

  // All but the size.
  const optionsOf = ({ volumes }: Compose) => {
    const { o = '', ...others } = volumes['bus']?.driver_opts ?? {};
    return { ...others, o: o.split(',').filter((option) => !option.startsWith('size=')) };
  };
  expect(optionsOf(compose)).toEqual(optionsOf(documented));
});

// Docker itself is not run: namespaces like those of its containers are.
for (const container of containers) {
  describe.skipIf(!isPossible(container))(container.title, () => {
    it('run the commands of the services, which print what the README says', async () => {
      const programs = Object.values(compose.services).map(({ command = '' }) => {
        const [node, script = ''] = command.split(' ');
        expect(node).toBe('node');
        return startNode(script, { within: container.within, cwd: example.folder });
      });
      const outputs = await Promise.all(programs.map((program) => program.success()));
      expect(outputs.join('').trim()).toMatch(outputPattern(example.output));
    });
  });
}
