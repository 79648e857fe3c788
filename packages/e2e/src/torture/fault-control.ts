/** Faults in the system calls of an ingress, switched on and off while it runs (native/fault.c). */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compilePreload } from "./native.js";

export interface FaultControl {
  /** The settings of a program whose calls are to fail. */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on calls fail as these lines say; none is no fault. */
  set(...lines: readonly string[]): Promise<void>;
}

export async function createFaultControl(folder: string): Promise<FaultControl> {
  const file = join(folder, "faults");
  const set = async (...lines: readonly string[]): Promise<void> => {
    // A reader sees the old lines or the new ones.
    await writeFile(`${file}.next`, lines.join("\n"));
    await rename(`${file}.next`, file);
  };
  await set();
  const library = await compilePreload("fault", folder);
  return { environment: { LD_PRELOAD: library, FAULT_CONTROL: file }, set };
}
