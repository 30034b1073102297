import type { VNode } from 'preact';

/** A field for a search; the key `/` leads to it. */
export function Search({
  label,
  value,
  onInput,
  placeholder = 'Filter',
}: {
  label: string;
  value: string;
  onInput: (text: string) => void;
  placeholder?: string;
}): VNode {
  return (
    <div class="search">
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="M10.5 10.5L14 14" />
      </svg>
      <input
        type="search"
        data-search
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        value={value}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
      <span class="shortcut" aria-hidden="true">
        /
      </span>
    </div>
  );
}
