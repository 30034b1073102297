/** Program text, line by line. */
export class SourceText {
  readonly #lines: string[] = [];
  #depth = 0;

  /** Adds lines; an empty one separates. */
  add(...lines: readonly string[]): this {
    for (const line of lines) this.#lines.push(line === '' ? '' : '    '.repeat(this.#depth) + line);
    return this;
  }

  /** Adds a line, what `inside` adds further in, and the line that ends it. */
  block(first: string, inside: () => void, last: string = '}'): this {
    this.add(first);
    this.indented(inside);
    return last === '' ? this : this.add(last);
  }

  /** What `inside` adds is further in. */
  indented(inside: () => void): void {
    this.#depth += 1;
    inside();
    this.#depth -= 1;
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
