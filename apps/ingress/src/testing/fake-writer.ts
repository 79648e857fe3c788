/** A writer that keeps payloads in memory, holds appends back as long as a test likes, and fails on demand. */
import { decodeRecord } from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import type { Payloads, SpoolError, SpoolWriter } from "@event-collector/spool";

export interface FakeWriter extends Pick<SpoolWriter, "append" | "readiness"> {
  /** What each append brought, decoded. */
  readonly appends: SpoolRecord[][];
  /** From now on appends fail with this error, and the writer is not ready. */
  fail(error: SpoolError | undefined): void;
  /** From now on appends wait; the function that comes back lets them go. */
  hold(): () => void;
}

export function createFakeWriter(): FakeWriter {
  const appends: SpoolRecord[][] = [];
  let failure: SpoolError | undefined;
  let held: Promise<void> = Promise.resolve();
  return {
    appends,
    append: async (payloads) => {
      if (failure !== undefined) throw failure;
      appends.push(recordsOf(payloads));
      await held;
    },
    readiness: () =>
      failure === undefined
        ? { ready: true }
        : { ready: false, code: failure.code, message: failure.message },
    fail: (error) => {
      failure = error;
    },
    hold: () => {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
  };
}

function recordsOf(payloads: Payloads): SpoolRecord[] {
  if (!("ends" in payloads)) return payloads.map(decodeRecord);
  const { bytes, ends } = payloads;
  return ends.map((end, index) => decodeRecord(bytes.slice(ends[index - 1] ?? 0, end)));
}
