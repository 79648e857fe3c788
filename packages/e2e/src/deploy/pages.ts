/** The documents of deploy/ that are made from code, formatted like all documents of the tree. */
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { renderCapacity } from "./capacity-page.js";
import { ROOT } from "./context.js";
import { readReference } from "./read-reference.js";
import { renderReference } from "./reference.js";

export interface Page {
  /** From the root of the tree. */
  path: string;
  /** What it should hold. */
  text: string;
}

export async function makePages(): Promise<Page[]> {
  const drafts = [
    { path: "deploy/REFERENCE.md", text: renderReference(await readReference()) },
    { path: "deploy/CAPACITY.md", text: renderCapacity() },
  ];
  return await Promise.all(
    drafts.map(async ({ path, text }) => {
      const options = await resolveConfig(join(ROOT, path));
      return { path, text: await format(text, { ...options, parser: "markdown" }) };
    }),
  );
}
