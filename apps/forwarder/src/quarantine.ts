/**
 * What is kept for people to look at, beside what goes to a topic: bytes that were never acknowledged, damage longer
 * than a dead letter carries, and the whole of a dead letter that had to be cut.
 *
 * Copies of damage are a courtesy: a full disk must not stop delivery for them, so a failure is told and passed over.
 * The whole of a cut dead letter is the only copy of what somebody sent, and a mark is all that stands between a
 * segment passed over unread and the pruner: while these cannot be kept, delivery waits.
 */
import { keepSegment, keepsSegment, quarantineBytes } from "@event-collector/spool";
import type { Damage, Disk, SpoolItem, SpoolLayout } from "@event-collector/spool";
import { basename } from "node:path";

export interface Quarantine {
  /** Keeps what the dead letter of this damage does not carry; resolves with false if a mark cannot be set now. */
  keepDamage(damage: Damage): Promise<boolean>;
  /** Keeps the line of this item; resolves with the name of the file, or undefined if it cannot be kept now. */
  keepLine(item: SpoolItem): Promise<string | undefined>;
}

export function createQuarantine(
  disk: Disk,
  layout: SpoolLayout,
  onFailure: (error: unknown) => void,
): Quarantine {
  async function keepDamage({ reason, position, length, bytes, message }: Damage): Promise<boolean> {
    const mark = keepsSegment(reason);
    try {
      if (mark) await keepSegment(disk, layout, position.segment, message);
      else if (reason === "torn_tail" || length > bytes.byteLength) {
        await quarantineBytes(disk, layout, position.segment, position.offset, length);
      }
      return true;
    } catch (error) {
      onFailure(error);
      return !mark;
    }
  }

  return {
    keepDamage,
    keepLine: async ({ position, next }) => {
      try {
        const length = next.offset - position.offset;
        return basename(await quarantineBytes(disk, layout, position.segment, position.offset, length));
      } catch (error) {
        onFailure(error);
        return undefined;
      }
    },
  };
}
