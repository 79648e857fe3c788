/**
 * Takes up changes of files while the service runs: keys and certificates.
 *
 * **Invariant:** what is in force is replaced by what was read and understood as a whole, or not at all; a broken
 * file is said in the log and in the metrics until it is mended, and what it replaced stays in force.
 *
 * A file has changed if its identity, size or time of writing has: Kubernetes swaps a link, editors rename, `>`
 * writes in place. It is looked at before it is read, so that what is written meanwhile is found the next time.
 */
import type { Disk } from "@event-collector/spool";
import type { Logger } from "pino";

export interface ReloadSource {
  /** The variable that names the file or files. */
  readonly name: string;
  readonly paths: readonly string[];
  /** Reads the files and puts what they say into force. Rejects, and changes nothing, if that cannot be done. */
  load(): Promise<void>;
}

export interface ReloadObserver {
  /** The last try, whether it went well. */
  reloaded(name: string, isOk: boolean): void;
}

export interface Reloader {
  /** Loads for the first time; rejects as the source does. From then on it is reloaded when it changes. */
  add(source: ReloadSource): Promise<void>;
  /** Reloads everything, changed or not. Never rejects. */
  reload(): Promise<void>;
  /** Looks no more. */
  close(): void;
}

interface Watched {
  readonly source: ReloadSource;
  fingerprint: string;
  failure: string | undefined;
}

export function createReloader(
  disk: Pick<Disk, "status">,
  logger: Logger,
  observer: ReloadObserver,
  options: { readonly intervalMs: number },
): Reloader {
  const watched: Watched[] = [];
  let looks: Promise<void> | undefined;

  async function look(one: Watched, force: boolean): Promise<void> {
    const { source, failure } = one;
    const fingerprint = await fingerprintOf(disk, source.paths);
    const hasChanged = fingerprint !== one.fingerprint;
    // What failed is tried again each time: permissions may have been mended, which no fingerprint shows.
    if (!hasChanged && failure === undefined && !force) return;
    one.fingerprint = fingerprint;
    try {
      await source.load();
      one.failure = undefined;
      logger.info({ file: source.name }, "reloaded");
    } catch (error) {
      one.failure = String(error);
      if (hasChanged || force || one.failure !== failure) {
        logger.error({ file: source.name, error }, "not reloaded; what was in force stays in force");
      }
    }
    observer.reloaded(source.name, one.failure === undefined);
  }

  async function lookAtAll(force: boolean): Promise<void> {
    for (const one of watched) await look(one, force);
  }

  const timer = setInterval(() => {
    // A disk that does not answer is asked once, not again and again.
    if (looks !== undefined) return;
    looks = lookAtAll(false).finally(() => (looks = undefined));
  }, options.intervalMs);
  timer.unref();
  return {
    add: async (source) => {
      const fingerprint = await fingerprintOf(disk, source.paths);
      await source.load();
      observer.reloaded(source.name, true);
      watched.push({ source, fingerprint, failure: undefined });
    },
    reload: async () => {
      await looks;
      await lookAtAll(true);
    },
    close: () => clearInterval(timer),
  };
}

/** Never rejects: that a file is not there is a state like others. */
async function fingerprintOf(disk: Pick<Disk, "status">, paths: readonly string[]): Promise<string> {
  const prints = await Promise.all(
    paths.map(async (path) => {
      try {
        const { identity, size, modifiedAt } = await disk.status(path);
        return `${identity} ${size} ${modifiedAt}`;
      } catch (error) {
        return String(error);
      }
    }),
  );
  return prints.join("\n");
}
