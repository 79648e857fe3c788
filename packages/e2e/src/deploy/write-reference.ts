/** Writes deploy/REFERENCE.md anew. */
import { writeFile } from "node:fs/promises";
import { makeReference, REFERENCE_FILE } from "./read-reference.js";

await writeFile(REFERENCE_FILE, await makeReference());
