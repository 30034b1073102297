/** What a check has found. */
export interface Finding {
  /** `problem`: something does not work, or soon will not. `hint`: something that may be meant so. */
  readonly level: 'problem' | 'hint';
  /** What is the matter, with the numbers. */
  readonly text: string;
  /** What the user can do. */
  readonly remedy: string;
}

/** What a check may also say: a number that is as it should be. */
export interface Fact {
  readonly level: 'fact';
  readonly text: string;
}
