/**
 * What is kept for people to look at, beside what goes to a topic: bytes that were never acknowledged, damage longer
 * than a dead letter carries, and the whole of a dead letter that had to be cut.
 *
 * Keeping damage is a courtesy: a full disk must not stop delivery for it, so a failure is told and passed over. The
 * whole of a cut dead letter is the only copy of what somebody sent: while it cannot be kept, the letter waits.
 */
import { keepSegment, quarantineBytes } from "@event-collector/spool";
import type { Damage, Disk, SpoolItem, SpoolLayout } from "@event-collector/spool";
import { basename } from "node:path";

export interface Quarantine {
  /** Keeps what the dead letter of this damage does not carry. */
  keepDamage(damage: Damage): Promise<void>;
  /** Keeps the line of this item; resolves with the name of the file, or undefined if it cannot be kept now. */
  keepLine(item: SpoolItem): Promise<string | undefined>;
}

export function createQuarantine(
  disk: Disk,
  layout: SpoolLayout,
  onFailure: (error: unknown) => void,
): Quarantine {
  async function keep(damage: Damage): Promise<void> {
    const { segment, offset } = damage.position;
    if (damage.reason === "foreign_segment" || damage.reason === "unreadable") {
      await keepSegment(disk, layout, segment, damage.message);
    } else if (damage.reason === "torn_tail" || damage.length > damage.bytes.byteLength) {
      await quarantineBytes(disk, layout, segment, offset, damage.length);
    }
  }

  return {
    keepDamage: (damage) => keep(damage).catch(onFailure),
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
