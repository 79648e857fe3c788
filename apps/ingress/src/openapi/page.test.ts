import { EVENT_LIMITS, FAILURES } from "@event-collector/contract";
import { createHash } from "node:crypto";
import t from "tap";
import { describeApi } from "./document.js";
import { html, Html } from "./html.js";
import { PAGE_POLICY, renderPage } from "./page.js";

const document = describeApi({ version: "1.0.0", eventsMax: 100, bytesMax: 65_536, limits: EVENT_LIMITS });
const page = renderPage(document);

await t.test("the page shows every path, every schema and every code", async (t) => {
  for (const path of Object.keys(document.paths)) t.match(page, `>${path}<`);
  for (const name of Object.keys(document.components.schemas)) t.match(page, `id="schema-${name}"`);
  for (const code of Object.keys(FAILURES)) t.match(page, `<code>${code}</code>`);
});

await t.test("the page needs nothing but itself", async (t) => {
  t.notMatch(page, /<script|<link|<img|<iframe|@import|url\(|https?:/i);
});

await t.test("the page's policy allows its style and nothing else", async (t) => {
  const [, style = ""] = /<style>([^]*)<\/style>/.exec(page) ?? [];
  t.match(PAGE_POLICY, `'sha256-${createHash("sha256").update(style).digest("base64")}'`);
  t.match(PAGE_POLICY, "default-src 'none'");
});

await t.test("every link of the page leads somewhere", async (t) => {
  for (const [, target = ""] of page.matchAll(/href="#([^"]+)"/g)) t.match(page, `id="${target}"`, target);
});

await t.test("what is put into a template is escaped, unless it is HTML", async (t) => {
  const text = `<b>&"'`;
  t.equal(
    html`<p title="${text}">${text}</p>`.text,
    '<p title="&lt;b&gt;&amp;&quot;&#39;">&lt;b&gt;&amp;&quot;&#39;</p>',
  );
  t.equal(html`${[new Html("<i>"), 1, undefined, "<"]}`.text, "<i>1&lt;");
});
