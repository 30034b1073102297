/**
 * The cursors of reliable subscribers, as a writer sees them: it must not overwrite what they have not read. Called with
 * the publisher lock held.
 */
export interface Cursors {
  /**
   * The lowest cursor, or `tail` without one.
   *
   * @param least lowest position that any cursor can have.
   */
  slowest(tail: number, least: number): number;
  /**
   * Gives up the subscribers whose cursors are before that position.
   *
   * @returns whether there were any.
   */
  disconnectBefore(position: number): boolean;
}
