/** When the room for events ends, if it goes on as in the last minutes. */

export interface FillState {
  /** Milliseconds that only grow. */
  readonly at: number;
  /** Bytes that only delivery can make room of. */
  readonly bytes: number;
  /** Bytes until events are refused. */
  readonly room: number;
}

/** Growth is measured over this long. Milliseconds. */
const SPAN_MS = 5 * 60_000;
/** Less than that says nothing. Milliseconds. */
const SPAN_MIN_MS = 10_000;
const STATES_MAX = 100;

export interface FillTime {
  note(state: FillState): void;
  /** Seconds, or null if the room does not shrink, or nobody knows yet. */
  seconds(): number | null;
}

export function createFillTime(): FillTime {
  const states: FillState[] = [];
  return {
    note: (state) => {
      states.push(state);
      while (states.length > STATES_MAX || state.at - (states[0]?.at ?? 0) > SPAN_MS) states.shift();
    },
    seconds: () => {
      const [first, last] = [states[0], states.at(-1)];
      if (first === undefined || last === undefined) return null;
      if (last.room <= 0) return 0;
      const span = last.at - first.at;
      const growth = last.bytes - first.bytes;
      if (span < SPAN_MIN_MS || growth <= 0) return null;
      return (last.room / growth) * (span / 1000);
    },
  };
}
