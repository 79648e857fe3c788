/** Writes the documents that are made from code anew: `npm run reference`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./context.js";
import { makePages } from "./pages.js";

for (const { path, text } of await makePages()) await writeFile(join(ROOT, path), text);
