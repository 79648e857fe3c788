/**
 * Cuts a stream into groups: a group is complete at `sizeMax` items, or `lingerMs` after its first one, or when
 * the stream ends or fails. So a fast sender pays one answer for many events and a slow one is answered soon.
 *
 * **Invariant:** at most one item is read ahead of the group in hand: a consumer that is slow slows the sender.
 * **Invariant:** what was read is handed out before the end or the failure is.
 */

export interface GroupLimits {
  readonly sizeMax: number;
  /** Milliseconds. */
  readonly lingerMs: number;
}

/** What has come from the source and the clock since the last look. */
interface Inbox<Item> {
  arrived: IteratorResult<Item, unknown> | undefined;
  failure: { readonly error: unknown } | undefined;
  lingered: boolean;
  wake: () => void;
}

/** Ends early, after what has been read, when `end` is aborted. */
export async function* groupEvents<Item>(
  source: AsyncIterable<Item>,
  limits: GroupLimits,
  end: AbortSignal,
): AsyncGenerator<Item[]> {
  const iterator = source[Symbol.asyncIterator]();
  const inbox: Inbox<Item> = {
    arrived: undefined,
    failure: undefined,
    lingered: false,
    wake: () => undefined,
  };
  const wakeUp = (): void => inbox.wake();
  end.addEventListener("abort", wakeUp);
  try {
    read(iterator, inbox);
    for (let over = false; !over;) {
      const group: Item[] = [];
      over = await fill(group, iterator, inbox, limits, end);
      if (group.length > 0) yield group;
    }
    if (inbox.failure !== undefined) throw inbox.failure.error;
  } finally {
    end.removeEventListener("abort", wakeUp);
    // The reading that is under way may never end; nobody waits for it.
    void iterator.return?.()?.catch(() => undefined);
  }
}

/** Fills one group; resolves with true if it is the last. */
async function fill<Item>(
  group: Item[],
  iterator: AsyncIterator<Item, unknown>,
  inbox: Inbox<Item>,
  { sizeMax, lingerMs }: GroupLimits,
  end: AbortSignal,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  inbox.lingered = false;
  try {
    while (group.length < sizeMax && !inbox.lingered) {
      const { arrived } = inbox;
      if (arrived !== undefined && arrived.done !== true) {
        group.push(arrived.value);
        read(iterator, inbox);
        timer ??= setTimeout(() => {
          inbox.lingered = true;
          inbox.wake();
        }, lingerMs);
      } else if (arrived !== undefined || inbox.failure !== undefined || end.aborted) {
        return true;
      } else {
        await new Promise<void>((resolve) => void (inbox.wake = resolve));
      }
    }
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Asks the source for one more item. */
function read<Item>(iterator: AsyncIterator<Item, unknown>, inbox: Inbox<Item>): void {
  inbox.arrived = undefined;
  iterator.next().then(
    (result) => {
      inbox.arrived = result;
      inbox.wake();
    },
    (error: unknown) => {
      inbox.failure = { error };
      inbox.wake();
    },
  );
}
