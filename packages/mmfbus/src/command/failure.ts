/** A command cannot do what it was told to; the message says why. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
