/** A message as it stands in a topic. */

export interface TopicMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch, as its producer or its broker set it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In their order; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The last value of a header. */
export function headerOf({ headers }: Pick<TopicMessage, "headers">, name: string): string | undefined {
  return headers.findLast(([each]) => each === name)?.[1];
}
