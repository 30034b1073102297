/** What the model uses of a layout of the channel package. */
export interface Layout {
  readonly length: number;
  readonly fields: readonly { readonly name: string; readonly offset: number; readonly length: number }[];
  offsetOf(name: string): number;
}
