import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trackedFiles } from '../support/tracked-files.js';
import { workspaceRoot } from '../support/workspace.js';

interface OldWord {
  readonly word: string;
  /** What the word is called now. */
  readonly now: string;
  readonly pattern: RegExp;
  /** How the word was used, which the pattern must find. */
  readonly use: string;
}

/** The arguments of a call that defines a channel, as far as they are not in braces of their own. */
const DEFINES = String.raw`\b(?:defineChannel|define)(?:<[^()]*>)?\(\{[^{}]*`;

/** The names that the packages for Node had before, and have no more. */
const OLD_WORDS: readonly OldWord[] = [
  {
    word: 'publishAsync',
    now: 'publish',
    pattern: /\bpublishAsync\b/,
    use: 'await publisher.publishAsync(1);',
  },
  {
    word: 'publishBatch',
    now: 'publishAll, tryPublishAll',
    pattern: /\bpublishBatch\b/,
    use: 'publisher.publishBatch([1, 2]);',
  },
  {
    word: 'bury',
    now: 'reclaim',
    pattern: /bur(?:y|ies|ied|ial)(?![a-z])|bur(?:y|ies|ied)ing/i,
    use: 'whoever buries the dead',
  },
  { word: 'whenFull', now: 'slowSubscribers', pattern: /\bwhenFull\b/, use: "{ whenFull: 'disconnect' }" },
  {
    word: 'endWithPublishers',
    now: 'closeWithPublishers',
    pattern: /\bendWithPublishers\b/,
    use: '{ endWithPublishers: true }',
  },
  { word: 'slowAt', now: 'slowThreshold', pattern: /\bslowAt\b/, use: '{ slowAt: 0.5 }' },
  {
    word: 'listed',
    now: 'discoverable',
    pattern: /\blisted\??: (?:true|false|boolean)\b/,
    use: '{ listed: false }',
  },
  {
    word: 'shape, as an option of a channel',
    now: 'schema',
    pattern: new RegExp(String.raw`${DEFINES}(?<!: )\bshape\b(?=\s*[:,}])`),
    use: "defineChannel({\n  name: 'a',\n  shape: u32() });",
  },
  {
    word: 'namespace, as an option of a channel or bus',
    now: 'scope',
    pattern: new RegExp(String.raw`(?:${DEFINES}|\bopenBus\(\{[^{}]*)(?<!: )\bnamespace\b(?=\s*[:,}])`),
    use: 'openBus({ namespace: ValidNamespaces.GLOBAL });',
  },
  {
    word: 'MessageMeta',
    now: 'Message',
    pattern: /\bMessageMeta\b/,
    use: '(value: number, meta: MessageMeta) => {}',
  },
  {
    word: 'mode, of a subscriber',
    now: 'delivery',
    pattern: /\bmode\??: '(?:reliable|lossy)'/,
    use: "readonly mode?: 'reliable' | 'lossy';",
  },
  {
    word: 'KiB, MiB, exported',
    now: 'the number of bytes',
    pattern: /\b(?:import|export) (?:const |\{[^{}]*\b)[KM]iB\b/,
    use: "import { defineChannel, MiB } from '@mmfbus/channel';",
  },
  {
    word: 'now, imported from @mmfbus/channel',
    now: 'monotonicNow',
    pattern: /\bimport \{[^{}]*\bnow\b[^{}]*\} from '@mmfbus\/channel'/,
    use: "import { now } from '@mmfbus/channel';",
  },
  { word: 'MAX_TRIES', now: 'TIMEOUT', pattern: /\bMAX_TRIES\b/, use: "error.code === 'MAX_TRIES'" },
  {
    word: 'DirectoryError',
    now: 'DirectoryFailure',
    pattern: /\bDirectoryError\b/,
    use: 'message as DirectoryError',
  },
  {
    word: 'the event closed',
    now: 'publishersGone',
    pattern: /\.(?:on|once|off)\(\s*'closed'/,
    use: "subscriber.on('closed', () => {});",
  },
];

/** What may use the old words: what tells of them, what keeps them, and the other languages. */
const EXCLUDED: readonly RegExp[] = [
  /^test\/src\/docs\/old-words\.test\.ts$/,
  /^\.changeset\//,
  /^packages\/[^/]+\/CHANGELOG\.md$/,
  /^packages\/core\/src\/winmmf\b/,
  /^docs\/winmmf\.md$/,
  /^packages\/(?:native|generate)\//,
];

/** Whether these bytes are no text. */
const BINARY = /\0/;

/** Where a text uses old words, with their lines. */
function oldWordsIn(text: string, file: string): string[] {
  return OLD_WORDS.flatMap(({ word, now, pattern }) =>
    [...text.matchAll(new RegExp(pattern, 'g'))].map((match) => {
      const line = text.slice(0, match.index + match[0].length).split('\n').length;
      return `${file}:${line}: ${word} is now ${now}`;
    }),
  );
}

describe('the words of before', () => {
  test.each(OLD_WORDS)('are found: $word', ({ word, now, use }) => {
    const line = use.split('\n').length;
    expect(oldWordsIn(`\n${use}`, 'a.ts')).toEqual([`a.ts:${line + 1}: ${word} is now ${now}`]);
  });

  test.each([
    'const shape = u32();',
    'export const reading = { name, shape: u32() };',
    "defineChannel({ name: 'a', schema: shape });",
    'MemoryMappedFile.create(name, 8, { namespace: ValidNamespaces.CUSTOM });',
    'openBus({ scope: "user" });\nconst namespace = 1;',
    'A channel is listed: others see it.',
    "const MiB = 2 ** 20;\nimport { defineChannel } from '@mmfbus/channel';",
    "change.type === 'closed'",
    "{ mode: 0o600, delivery: 'lossy' }",
    "import { monotonicNow } from '@mmfbus/channel';",
  ])('are not found in %j', (text) => {
    expect(oldWordsIn(text, 'a.ts')).toEqual([]);
  });

  test('are used nowhere', () => {
    const files = trackedFiles().filter((file) => !EXCLUDED.some((excluded) => excluded.test(file)));
    expect(files).toContain('README.md');
    const uses = files.flatMap((file) => {
      const text = readFileSync(join(workspaceRoot, file), 'utf8');
      return BINARY.test(text) ? [] : oldWordsIn(text, file);
    });
    expect(uses).toEqual([]);
  });
});
