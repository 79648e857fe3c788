/** What the command exits with. Scripts rely on these. */

export const EXIT = {
  /** Done, and all is as it should be. */
  done: 0,
  /** Done, and something is not as it should be: damage, books that do not close, an event that could not be sent. */
  failed: 1,
  /** Asked in a way that cannot be understood, or configured in a way that cannot work. */
  usage: 2,
  /** Not done: the broker or the disk did not let it. */
  unable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line asks for something that makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What is needed is not there, or does not answer. The message says what to do. */
export class UnableError extends Error {
  override readonly name = "UnableError";
}
