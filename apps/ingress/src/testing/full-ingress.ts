/** A live ingress whose disk has no room left: it is not ready, and refuses every event. */
import { nodeDisk } from "@event-collector/spool";
import type { Test } from "tap";
import { liveIngress } from "./live-ingress.js";
import type { LiveIngress } from "./live-ingress.js";

export async function fullIngress(t: Test): Promise<LiveIngress> {
  let full = false;
  const space = async (directory: string): ReturnType<typeof nodeDisk.space> => {
    const measured = await nodeDisk.space(directory);
    return full ? { ...measured, freeBytes: 0 } : measured;
  };
  const ingress = await liveIngress(t, { BUFFER_MIN_FREE_BYTES: "4096" }, { ...nodeDisk, space });
  full = true;
  while ((await fetch(`${ingress.url}/ready`)).status === 200)
    await new Promise((resolve) => void setImmediate(resolve));
  return ingress;
}
