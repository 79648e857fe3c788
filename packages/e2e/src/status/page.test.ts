/** The status pages in a real browser, on real processes: what they show, how they look, and what they may do. */
import type { BrowserContextOptions, Page } from "playwright-core";
import t from "tap";
import { findChromium, startChromium } from "../clients/browser/chromium.js";
import { createCollector } from "../collector.js";
import { startEmbeddedKafka } from "../kafka/embedded.js";
import { sampleEvent } from "../sample-event.js";
import { faintTexts } from "./contrast.js";

const PATIENCE_MS = 60_000;
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

t.setTimeout(240_000);

const found = await findChromium();
const skip = !found.ok && found.reason;
const kafka = await startEmbeddedKafka(t);
const collector = createCollector(t, kafka, { forwarderCreatesTopics: true });
const [ingress, forwarder] = await Promise.all([
  collector.startIngress({ ADMIN_PORT: "0", API_KEY: "a-key" }),
  collector.startForwarder(),
]);
const operators = await ingress.program.line(({ record }) => record["msg"] === "listening for operators");
const admin = `http://127.0.0.1:${String(operators.record["port"])}`;
const browser = found.ok ? await startChromium(t, found.program) : undefined;

interface Opened {
  page: Page;
  /** Whatever the page asked of anybody but its own process, or complained about. */
  faults: string[];
}

async function open(url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  if (browser === undefined) throw new Error("there is no browser");
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) faults.push(`asks ${request.url()}`);
  });
  page.on("console", (message) => {
    // A process that is gone is the browser's complaint, not the page's.
    if (!message.text().includes("net::ERR_CONNECTION")) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(url);
  return { page, faults };
}

/** Waits until the element reads so. */
async function reads(page: Page, id: string, text: string): Promise<void> {
  await page.locator(`#${id}`, { hasText: text }).waitFor({ state: "attached" });
}

async function send(events: readonly object[]): Promise<void> {
  const response = await fetch(`${ingress.url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer a-key" },
    body: JSON.stringify({ events }),
  });
  if (!response.ok) throw new Error(`the ingress answers ${response.status}`);
}

await t.test(
  "the forwarder's page shows events go through, the books and dead letters",
  { skip },
  async (t) => {
    const { page, faults } = await open(`${forwarder.url}/`);
    await reads(page, "state", "Healthy");
    await reads(page, "reasons-none", "None since");
    await send([...Array.from({ length: 40 }, () => sampleEvent()), sampleEvent({ event_type: "eaten" })]);
    await reads(page, "books-accepted", "41");
    await reads(page, "books-published", "40");
    await reads(page, "books-dead", "1");
    await reads(page, "books-verdict", "Balanced");
    await reads(page, "reasons", "unknown_event_type");
    await reads(page, "letters", "unknown_event_type");
    await page.locator('#line-1[d*="L"]').waitFor({ state: "attached" });
    t.match(
      await page.locator("#chart").getAttribute("aria-label"),
      /last 5 minutes\. Stored: .+ Delivered: /,
    );
    t.equal(await page.title(), "Forwarder");
    t.strictSame(faults, []);
  },
);

await t.test("the ingress's page is for operators alone", { skip }, async (t) => {
  t.equal((await fetch(`${ingress.url}/`, { headers: { authorization: "Bearer a-key" } })).status, 404);
  t.equal((await fetch(`${ingress.url}/status`)).status, 401);
  const { page, faults } = await open(`${admin}/`);
  await reads(page, "state", "Healthy");
  await reads(page, "written-accepted", "40");
  await reads(page, "reasons", "unknown_event_type");
  t.strictSame(faults, []);
});

await t.test("it has landmarks, one main heading, and can be used by keyboard", { skip }, async (t) => {
  for (const url of [`${forwarder.url}/`, `${admin}/`]) {
    const { page } = await open(url);
    await reads(page, "state", "Healthy");
    for (const role of ["banner", "main", "contentinfo"] as const) {
      t.equal(await page.getByRole(role).count(), 1, role);
    }
    t.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    t.ok((await page.getByRole("heading", { level: 2 }).count()) >= 6);
    t.equal(await page.getByRole("img").count(), 1, "the chart has a text, and nothing else is a picture");
    t.equal(await page.locator("html").getAttribute("lang"), "en");
    const focused = page.locator('a[href="status"]:focus');
    for (let tabs = 0; tabs < 10 && (await focused.count()) === 0; tabs++) await page.keyboard.press("Tab");
    t.equal(await focused.count(), 1, "links are reached with the tab key");
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    t.equal(outline, "solid", "and one sees where one is");
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const viewport of [DESKTOP, PHONE]) {
    const name = `${colorScheme}, ${viewport.width} pixels wide`;
    await t.test(`${name}: every text can be read, and nothing sticks out`, { skip }, async (t) => {
      for (const url of [`${forwarder.url}/`, `${admin}/`]) {
        const { page } = await open(url, { colorScheme, viewport });
        await reads(page, "state", "Healthy");
        t.strictSame(await faintTexts(page), []);
        t.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url);
      }
    });
  }
}

await t.test("light and dark follow the reader's system", { skip }, async (t) => {
  const grounds: unknown[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    const { page } = await open(`${forwarder.url}/`, { colorScheme });
    grounds.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
  }
  t.equal(new Set(grounds).size, 2);
});

await t.test("who wants no motion gets none", { skip }, async (t) => {
  const { page } = await open(`${forwarder.url}/`, { reducedMotion: "reduce" });
  t.equal(
    await page.evaluate('getComputedStyle(document.getElementById("bar-pending")).transitionDuration'),
    "0s",
  );
});

await t.test("nothing jumps when figures come", { skip }, async (t) => {
  const { page } = await open(`${forwarder.url}/`);
  const places = (): Promise<unknown> =>
    page.evaluate('[...document.querySelectorAll("main h2")].map((one) => Math.round(one.offsetTop))');
  await reads(page, "state", "Healthy");
  const before = await places();
  await send(Array.from({ length: 5 }, () => sampleEvent()));
  await reads(page, "books-accepted", "46");
  t.strictSame(await places(), before);
});

await t.test("a broker that is gone turns the page, and it says what to do", { skip }, async (t) => {
  const { page, faults } = await open(`${forwarder.url}/`);
  await reads(page, "state", "Healthy");
  await kafka.kill();
  await send(Array.from({ length: 7 }, () => sampleEvent()));
  await reads(page, "state", "Failing");
  await reads(page, "problems", "wait in the spool");
  await reads(page, "backlog", "7");
  t.match(await page.title(), /^Failing/);
  t.strictSame(await faintTexts(page), []);
  t.strictSame(faults, []);
});

await t.test("a forwarder that is gone is told from one that is well", { skip }, async (t) => {
  const { page } = await open(`${forwarder.url}/`);
  await reads(page, "state", "Failing");
  await forwarder.program.kill();
  await reads(page, "state", "No answer");
  await reads(page, "lead", "What is shown below is old");
  t.strictSame(
    (await faintTexts(page)).filter(({ text }) => text === "No answer"),
    [],
  );
});
