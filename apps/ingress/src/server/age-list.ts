/**
 * Things in the order in which they were added, each of which can be taken out at any place: a linked list.
 *
 * A Set or a Map would do the same. But it lives long and what stands in it does not, and pointers from old memory to
 * new make every collection of new memory slower: at full load that was a tenth of the processor.
 */
export interface Aged<Item> {
  readonly item: Item;
  before: Aged<Item> | undefined;
  after: Aged<Item> | undefined;
  isListed: boolean;
}

export class AgeList<Item> {
  #oldest: Aged<Item> | undefined;
  #youngest: Aged<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): Aged<Item> | undefined {
    return this.#oldest;
  }

  add(item: Item): Aged<Item> {
    const aged: Aged<Item> = { item, before: undefined, after: undefined, isListed: false };
    this.#append(aged);
    return aged;
  }

  /** Makes it the youngest; does nothing if it was taken out. */
  renew(aged: Aged<Item>): void {
    if (!aged.isListed) return;
    this.remove(aged);
    this.#append(aged);
  }

  /** Does nothing if it was taken out before. */
  remove(aged: Aged<Item>): void {
    if (!aged.isListed) return;
    const { before, after } = aged;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#youngest = before;
    else after.before = before;
    aged.before = undefined;
    aged.after = undefined;
    aged.isListed = false;
    this.#size -= 1;
  }

  #append(aged: Aged<Item>): void {
    aged.before = this.#youngest;
    if (this.#youngest === undefined) this.#oldest = aged;
    else this.#youngest.after = aged;
    this.#youngest = aged;
    aged.isListed = true;
    this.#size += 1;
  }
}
