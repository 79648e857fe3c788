/** What the status says of a whole forwarder: its books, its dead letters, and what is in the way. */
import { encodeRecord } from "@event-collector/contract";
import { BrokerFailure } from "@event-collector/kafka";
import type { StatusReport } from "@event-collector/operations";
import t from "tap";
import { createFakeBroker, downFailure } from "./testing/fake-producer.js";
import type { FakeBroker } from "./testing/fake-producer.js";
import { appendEvents, openSpool, runForwarder, until } from "./testing/workbench.js";
import type { RunningForwarder, Settings } from "./testing/workbench.js";

type Scope = Pick<typeof t, "teardown">;

async function start(
  t: Scope,
  directory: string,
  broker: FakeBroker,
  settings: Settings = {},
): Promise<RunningForwarder> {
  const forwarder = await runForwarder(directory, () => broker, settings);
  t.teardown(async () => {
    forwarder.drain();
    await forwarder.ended.catch(() => undefined);
  });
  return forwarder;
}

async function statusOf(forwarder: RunningForwarder): Promise<StatusReport> {
  return JSON.parse((await forwarder.get("/status")).text) as StatusReport;
}

/** Asks until the status is as it should be; the test's own timeout ends a wait in vain. */
async function statusWhen(
  forwarder: RunningForwarder,
  isRight: (report: StatusReport) => boolean,
): Promise<StatusReport> {
  let report = await statusOf(forwarder);
  await until(async () => {
    report = await statusOf(forwarder);
    return isRight(report);
  });
  return report;
}

for (const mode of ["exactly-once", "at-least-once"]) {
  await t.test(
    `${mode}: the books balance with what was there before, what came and what is dead`,
    async (t) => {
      const directory = t.testdir();
      const writer = await openSpool(directory);
      t.teardown(() => writer.close());
      await appendEvents(writer, 0, 100);
      const forwarder = await start(t, directory, createFakeBroker(), { KAFKA_DELIVERY: mode });
      await until(async () => (await statusOf(forwarder)).books !== null);
      await appendEvents(writer, 100, 150);
      await writer.append([
        encodeRecord({
          kind: "rejected",
          receivedAt: "2026-01-02T03:04:05.678Z",
          protocol: "grpc",
          encoding: "json",
          violations: [{ code: "missing_field", pointer: "/course_id", message: "is required" }],
          value: Buffer.from("{}"),
        }),
      ]);
      const report = await statusWhen(
        forwarder,
        ({ books }) => books?.accepted === 151 && books.spooled === 0,
      );
      t.match(report, {
        state: "healthy",
        problems: [],
        delivery: mode,
        books: { accepted: 151, published: 150, dead_lettered: 1, spooled: 0, difference: 0 },
        lag: { records: 0, bytes: 0, oldest_age_seconds: 0 },
        disk: { segments: { pending: 0 } },
        dead_letters: { reasons: [{ reason: "missing_field", count: 1 }], last: [{ stage: "validate" }] },
      });
      const metric = await forwarder.metric('forwarder_books_records{account="difference"}');
      t.equal(metric, 0);
      t.ok(((await forwarder.metric("forwarder_events_forwarded_total")) ?? 0) >= 150);
    },
  );
}

await t.test("a restart finds the books of the spool, not those of the process", async (t) => {
  const directory = t.testdir();
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const broker = createFakeBroker();
  await appendEvents(writer, 0, 40);
  const first = await start(t, directory, broker);
  await statusWhen(first, ({ books }) => books?.published === 40);
  first.drain();
  await first.ended;
  await appendEvents(writer, 40, 60);
  const second = await start(t, directory, broker);
  const report = await statusWhen(second, ({ books }) => books?.published === 60);
  t.match(report.books, { accepted: 60, published: 60, spooled: 0, difference: 0, since: "spool" });
});

await t.test("without a broker it says so, what to do, and what waits", async (t) => {
  const directory = t.testdir();
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 25);
  const broker = createFakeBroker();
  broker.fail("openTransactional", downFailure(), 1_000_000);
  const forwarder = await start(t, directory, broker, { FORWARDER_DRAIN_SECONDS: "0" });
  const report = await statusWhen(
    forwarder,
    ({ problems }) => problems[0]?.what.endsWith(downFailure().message) === true,
  );
  t.match(report, {
    state: "failing",
    books: null,
    lag: { records: 25 },
    problems: [{ remedy: /wait in the spool/ }],
  });
});

await t.test("a failure that somebody must mend is told apart from one that passes", async (t) => {
  const directory = t.testdir();
  const broker = createFakeBroker();
  broker.fail("openTransactional", new BrokerFailure("configuration", "not allowed"), 1_000_000);
  const forwarder = await start(t, directory, broker, { FORWARDER_DRAIN_SECONDS: "0" });
  const report = await statusWhen(
    forwarder,
    ({ problems }) => problems[0]?.what.endsWith("not allowed") === true,
  );
  t.match(report.problems[0]?.remedy, /until somebody changes/);
});
