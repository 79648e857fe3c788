/** What the doctor found, one thing at a time. */

export interface Finding {
  readonly area: "configuration" | "disk" | "spool" | "broker" | "topics" | "clock";
  readonly state: "ok" | "warning" | "failure";
  /** What is so. */
  readonly says: string;
  /** What to do about it; absent where nothing is to be done. */
  readonly mend?: string;
}

export function ok(area: Finding["area"], says: string): Finding {
  return { area, state: "ok", says };
}

export function warning(area: Finding["area"], says: string, mend: string): Finding {
  return { area, state: "warning", says, mend };
}

export function failure(area: Finding["area"], says: string, mend: string): Finding {
  return { area, state: "failure", says, mend };
}
