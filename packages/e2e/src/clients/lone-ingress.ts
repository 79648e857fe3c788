/**
 * One ingress with a spool of its own and nothing behind it: what a client was told is compared with the bytes on the
 * disk, which are read without any code of the product.
 */
import { listeningPort, startApp, type Program, type Scope } from "../program.js";
import { parseSpool } from "../torture/segment-parser.js";

/** What of a tap test a lone ingress needs. */
export interface LoneScope extends Scope {
  testdir(): string;
}

/** A record of the spool, taken apart by JSON.parse alone. */
export interface StoredRecord {
  kind: "event" | "rejected";
  id?: string;
  protocol?: string;
  value: Record<string, unknown>;
}

export interface LoneIngress {
  readonly program: Program;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly directory: string;
  /**
   * Every record on the disk. Bytes that are no line of their segment are an error, but for those at the end of a file
   * while the process runs: it may be writing them.
   */
  stored(): Promise<StoredRecord[]>;
  /** The ids of the accepted events on the disk, in order. */
  accepted(): Promise<string[]>;
}

/** Starts the built entry point and waits until it listens. */
export async function startLoneIngress(
  scope: LoneScope,
  environment: Readonly<Record<string, string>> = {},
): Promise<LoneIngress> {
  const directory = scope.testdir();
  const own = { HTTP_HOST: "127.0.0.1", HTTP_PORT: "0", BUFFER_DIR: directory, UV_THREADPOOL_SIZE: "16" };
  const program = startApp(scope, "ingress", { environment: { ...own, ...environment } });
  const port = await listeningPort(program);
  const stored = async (): Promise<StoredRecord[]> => {
    const segments = await parseSpool(directory);
    const [blemish] = segments
      .flatMap(({ blemishes }) => blemishes)
      .filter(({ atEnd }) => !(atEnd && program.running));
    if (blemish !== undefined)
      throw new Error(`${blemish.reason} in ${blemish.segment} at ${blemish.offset}`);
    return segments
      .flatMap(({ lines }) => lines.filter(({ kind }) => kind === "data"))
      .map(({ payload }) => JSON.parse(payload.toString()) as StoredRecord);
  };
  return {
    program,
    port,
    url: `http://127.0.0.1:${port}`,
    directory,
    stored,
    accepted: async () => (await stored()).filter(({ kind }) => kind === "event").map(({ id }) => String(id)),
  };
}
