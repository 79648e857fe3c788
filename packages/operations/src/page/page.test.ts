import { createHash } from "node:crypto";
import { Script } from "node:vm";
import t from "tap";
import { PAGE_HEADERS, renderPage } from "./page.js";
import { SCRIPT } from "./script.js";

const about = { role: "forwarder", service: "event-collector", version: "1.0.0" } as const;

await t.test("the policy lets exactly the page's own style and script through", (t) => {
  const page = renderPage(about);
  const policy = PAGE_HEADERS["content-security-policy"] ?? "";
  for (const tag of ["style", "script"]) {
    const text = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page)?.[1] ?? "";
    t.ok(text.length > 1_000);
    t.ok(policy.includes(`${tag}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`), tag);
  }
  t.notMatch(page, / style=| on[a-z]+="/, "nothing needs an exception from it");
  t.end();
});

await t.test("every element that the script writes to is in one of the two pages", (t) => {
  const pages = renderPage(about) + renderPage({ ...about, role: "ingress" });
  const ids = [...SCRIPT.matchAll(/\b(?:put|fill|element)\("([\w-]+)"/g)].map(([, id = ""]) => id);
  t.ok(ids.length > 20);
  for (const id of ids) t.ok(pages.includes(`id="${id}"`), id);
  t.end();
});

await t.test("the script is whole: it parses, and ends with its start", (t) => {
  t.doesNotThrow(() => new Script(SCRIPT));
  t.match(SCRIPT, /\nstart\(\d+\);$/);
  t.notMatch(SCRIPT, /<\//, "nothing in it ends its element");
  t.end();
});

await t.test("a name is text, whatever is in it", (t) => {
  const page = renderPage({ ...about, service: '<img src="x">&' });
  t.notMatch(page, "<img");
  t.match(page, "&#60;img src=&#34;x&#34;&#62;&#38;");
  t.end();
});
