/** A page of another origin, in a real browser, sends events in every way that a page has. */
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import t from "tap";
import { sampleEvent, type SampleEvent } from "../../sample-event.js";
import { startLoneIngress, type LoneIngress } from "../lone-ingress.js";
import { findChromium, openPage, serveSite, startChromium } from "./chromium.js";
import type * as functions from "./page.js";

type Functions = typeof functions;
type Call = { name: keyof Functions; parameters: unknown[] };

declare const page: Record<string, (...parameters: unknown[]) => unknown>;

const KEY = "the-key-of-the-page";
const ARRIVAL_TIMEOUT_MS = 60_000;

t.setTimeout(600_000);

const found = await findChromium();
const skip = !found.ok && found.reason;
const site = await serveSite(t);
const own = t.testdir({ open: {}, guarded: {} });
const start = (folder: string, environment: Record<string, string>): Promise<LoneIngress> =>
  startLoneIngress(
    {
      teardown: (action) => t.teardown(action),
      comment: (text) => t.comment(text),
      testdir: () => `${own}/${folder}`,
    },
    { CORS_ORIGINS: site.listed, ...environment },
  );
const [ingress, guarded] = await Promise.all([
  start("open", { DEBUG: "true" }),
  start("guarded", { API_KEY: KEY }),
]);
const browser: Browser | undefined = found.ok ? await startChromium(t, found.program) : undefined;

async function open(origin: string): Promise<Page> {
  if (browser === undefined) throw new Error("there is no browser");
  const opened = await openPage(await browser.newContext());
  await opened.goto(origin);
  return opened;
}

/** Calls a function of `page.ts` in the browser. */
function call<Name extends keyof Functions>(
  where: Page,
  name: Name,
  ...parameters: Parameters<Functions[Name]>
): Promise<Awaited<ReturnType<Functions[Name]>>> {
  const evaluate = (it: Call): unknown => page[it.name]?.(...it.parameters);
  return where.evaluate(evaluate, { name, parameters }) as Promise<Awaited<ReturnType<Functions[Name]>>>;
}

/** Resolves when all are on the disk; what is sent while a page is left has no answer to wait for. */
async function stored(events: readonly SampleEvent[]): Promise<boolean> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
  for (;;) {
    const accepted = new Set(await ingress.accepted());
    if (events.every(({ event_id: id }) => accepted.has(id))) return true;
    if (performance.now() > deadline) return false;
    await delay(50);
  }
}

const three = (): Record<string, unknown>[] => [0, 1, 2].map(() => ({ ...sampleEvent() }));
const bad = (): Record<string, unknown> => ({ ...sampleEvent(), learner_id: "" });

const RPCS: readonly [
  string,
  (where: Page, url: string, events: Record<string, unknown>[], key?: string) => Promise<functions.Told[]>,
][] = [
  ["Connect in JSON", (where, url, events, key) => call(where, "sendByConnect", url, events, false, key)],
  ["Connect in protobuf", (where, url, events, key) => call(where, "sendByConnect", url, events, true, key)],
  ["gRPC-Web", (where, url, events, key) => call(where, "sendByGrpcWeb", url, events, key)],
];

for (const [name, send] of RPCS) {
  await t.test(`a page sends events by ${name}, one alone and a batch`, { skip }, async (t) => {
    const where = await open(site.listed);
    const events = three();
    t.match(await send(where, ingress.url, events), [
      { ok: true, eventId: events[0]?.["event_id"] },
      { ok: true, accepted: 2, rejected: 0 },
    ]);
    t.ok(await stored(events as unknown as SampleEvent[]));
  });

  await t.test(`a page can read by ${name} what is wrong with an event`, { skip }, async (t) => {
    const where = await open(site.listed);
    t.match(await send(where, ingress.url, [bad(), bad(), { ...sampleEvent() }]), [
      { ok: false, code: "3", violations: ["/learner_id missing_field"] },
      { ok: false, accepted: 1, rejected: 1 },
    ]);
  });

  await t.test(`a page with a key is let in by ${name}, and one without is told so`, { skip }, async (t) => {
    const where = await open(site.listed);
    t.match(await send(where, guarded.url, three(), KEY), [{ ok: true }, { ok: true, accepted: 2 }]);
    t.match(await send(where, guarded.url, three()), [
      { ok: false, code: "16" },
      { ok: false, code: "16" },
    ]);
  });
}

await t.test("a fetch with keepalive is answered, and the page can read the answer", { skip }, async (t) => {
  const where = await open(site.listed);
  const [event = {}] = three();
  const { status, requestId, answer } = await call(where, "sendByFetch", ingress.url, [event]);
  t.equal(status, 200);
  t.match(answer, { success: true, accepted: 1 });
  t.type(requestId, "string", "and the headers that are meant for it");
});

await t.test("the browser asks before it sends JSON, and remembers the answer", { skip }, async (t) => {
  const where = await open(site.listed);
  const logged = (code: string): number =>
    ingress.program.lines.filter(({ record }) => record["code"] === code).length;
  const [preflights, requests] = [logged("204"), logged("200")];
  for (let round = 0; round < 3; round += 1) await call(where, "sendByFetch", ingress.url, three());
  // The lines come in their order, and maybe later than the answers.
  await ingress.program.line(() => logged("200") >= requests + 3);
  t.equal(logged("204") - preflights, 1);
});

await t.test("a beacon of text is stored without the browser asking before", { skip }, async (t) => {
  const where = await open(site.listed);
  const events = three();
  t.equal(await call(where, "sendByBeacon", ingress.url, events), true);
  t.ok(await stored(events as unknown as SampleEvent[]));
});

await t.test("what a page sends while it is left is stored", { skip }, async (t) => {
  const where = await open(site.listed);
  const [beacon, kept] = [sampleEvent(), sampleEvent()];
  await call(where, "sendOnLeaving", ingress.url, { ...beacon }, { ...kept });
  await where.goto("about:blank");
  t.ok(await stored([beacon, kept]));
});

await t.test("a page of an origin that is not listed is turned away, in every way", { skip }, async (t) => {
  const where = await open(site.unlisted);
  const before = (await ingress.stored()).length;
  for (const [, send] of RPCS) {
    t.match(await send(where, ingress.url, three()), [{ ok: false }, { ok: false }]);
  }
  await t.rejects(call(where, "sendByFetch", ingress.url, three()), /Failed to fetch/);
  await t.rejects(
    call(where, "sendByFetch", ingress.url, three(), { "content-type": "text/plain" }),
    /Failed to fetch/,
    "even where the browser need not ask",
  );
  const refused = where.waitForResponse((response) => response.status() === 403);
  await call(where, "sendByBeacon", ingress.url, three());
  await refused;
  t.equal((await ingress.stored()).length, before, "nothing of it was stored");
});
