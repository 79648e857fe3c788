/**
 * Whether events would be accepted now: unless the service is on its way out or the spool refuses.
 * The broker plays no part: the spool is there so that it need not.
 */
import type { Refusal } from "@event-collector/contract";
import type { SpoolWriter } from "@event-collector/spool";
import { refusalOf } from "./ingest.js";
import type { Lifecycle } from "./lifecycle.js";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly refusal: Refusal };

export type ReadinessCheck = () => Readiness;

export function createReadinessCheck(
  writer: Pick<SpoolWriter, "readiness">,
  lifecycle: Lifecycle,
): ReadinessCheck {
  return () => {
    if (lifecycle.phase() !== "serving") {
      return { ready: false, refusal: { code: "draining", message: "the service is shutting down" } };
    }
    const spool = writer.readiness();
    if (spool.ready) return { ready: true };
    return {
      ready: false,
      refusal: { ...refusalOf(spool.code), message: "the spool takes no events at present" },
    };
  };
}
