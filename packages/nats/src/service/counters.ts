/** What a bridge did for one service. */
export class ServiceCounters {
  /** Calls that were answered, be it by an error of their handler, and one-way calls that were passed on. */
  messages = 0;
  /** Bytes of their inputs and answers. */
  bytes = 0;
  /** Calls that were not passed on, or came to nothing on their way. */
  refused = 0;
}
