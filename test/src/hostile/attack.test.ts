import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';

/** Seconds of each of the nine scenarios. */
const SECONDS = process.env['MMFBUS_ATTACK_SECONDS'] ?? '3';
const SEED = process.env['MMFBUS_ATTACK_SEED'] ?? '1';

ownDirectory('attack');

describe.skipIf(process.platform === 'win32')(
  'programs whose memory is overwritten while they read it',
  () => {
    it('get messages, gaps and errors, and nothing ends them', async () => {
      const script = join(workspaceRoot, 'test', 'dist', 'hostile', 'attack.js');
      const attack = startNode(script, { args: ['--seconds', SECONDS, '--seed', SEED], watchdog: 900_000 });
      const report = await attack.success();
      expect(report.match(/messages":[1-9]/g)).toHaveLength(6);
      expect(report.match(/joins":[1-9]/g)).toHaveLength(3);
    }, 900_000);
  },
);
