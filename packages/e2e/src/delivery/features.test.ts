/** What can be chosen about topics, keys and headers, as a consumer sees it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeRecord } from "@event-collector/contract";
import t from "tap";
import { readTopic, startKafka, uniqueTopic } from "../kafka/index.js";
import { temporaryFolder } from "../torture/folder.js";
import { issuedEvent } from "../torture/issued-event.js";
import { openFeed, recordOf } from "./feed.js";
import { createRoute, faultsOnArrival } from "./route.js";
import { createStock } from "./stock.js";

const TYPES = ["lesson_started", "lesson_completed", "assessment_submitted"];
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const kafka = await startKafka(t);
await t.test("each event type can have a topic of its own", async (t) => {
  const stock = createStock();
  const stem = uniqueTopic();
  const route = await createRoute(t, kafka, {
    environment: { KAFKA_TOPIC: `${stem}.{event_type}`, KAFKA_CURSOR_TOPIC: `${stem}.cursors` },
  });
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  for (let number = 0; number < 30; number += 1) {
    const event_type = TYPES[number % TYPES.length] ?? "";
    const event_id = `typed.${number}`;
    await feed.appendJson(event_id, { ...issuedEvent("valid.1").json, event_id, event_type });
  }
  const forwarder = await route.start();
  t.match(await route.drain(forwarder), { code: 0 });
  for (const type of TYPES) {
    const messages = await readTopic(kafka.bootstrap, `${stem}.${type}`);
    t.equal(messages.length, 10);
    t.ok(messages.every(({ value }) => value.includes(`"event_type":"${type}"`)));
  }
});

await t.test("the key can be made of other parts of the event", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, {
    environment: { KAFKA_KEY: "{event_type}/{learner_id}/{event_id}" },
  });
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  const { json } = issuedEvent("valid.1");
  await feed.appendJson("keyed.0", {
    ...json,
    event_id: "keyed.0",
    learner_id: "who",
    event_type: "lesson_started",
  });
  const forwarder = await route.start();
  t.match(await route.drain(forwarder), { code: 0 });
  t.match(await route.events(), [{ key: "lesson_started/who/keyed.0" }]);
});

await t.test("headers can be those of CloudEvents too", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, {
    environment: { KAFKA_CLOUDEVENTS: "true", KAFKA_CLOUDEVENTS_SOURCE: "/school/7" },
  });
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  const [id = ""] = await feed.append(1);
  const forwarder = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
  const item = stock.get(id);
  t.match(await route.events(), [
    {
      headers: {
        "content-type": "application/json",
        ce_specversion: "1.0",
        ce_id: id,
        ce_source: "/school/7",
        ce_type: item?.eventType,
        ce_time: item?.receivedAt,
        ce_subject: item?.key,
      },
    },
  ]);
});

await t.test("the trace context of the request goes along", async (t) => {
  const route = await createRoute(t, kafka);
  const feed = await openFeed(createStock(), { spool: route.spool, name: "feed" });
  const json = { ...issuedEvent("valid.1").json, event_id: "traced.0" };
  const record = recordOf("traced.0", json, "2024-01-15T10:30:00.000Z");
  if (record.kind !== "event") throw new Error("the event is not valid");
  await feed.appendPayload(encodeRecord({ ...record, traceparent: TRACEPARENT, tracestate: "a=1" }));
  const forwarder = await route.start();
  t.match(await route.drain(forwarder), { code: 0 });
  t.match(await route.events(), [{ headers: { traceparent: TRACEPARENT, tracestate: "a=1" } }]);
});

await t.test("any property of librdkafka can come from a file, but none that breaks a promise", async (t) => {
  const folder = await temporaryFolder(t);
  const write = async (name: string, content: string): Promise<Record<string, string>> => {
    await writeFile(join(folder, name), content);
    return { KAFKA_CONFIG_FILE: join(folder, name) };
  };
  const stock = createStock();
  const route = await createRoute(t, kafka);
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  await feed.append(50);
  const refused = route.launch(await write("acks", "# fast\nacks = 1\n"));
  t.match(await refused.ended, { code: 2 });
  t.match(refused.lines.map(({ text }) => text).join("\n"), /KAFKA_CONFIG_FILE.*acks/);
  const unknown = route.launch(await write("unknown", "no.such.property=1\n"));
  t.match(await unknown.ended, { code: 2 });
  t.match(unknown.lines.map(({ text }) => text).join("\n"), /no\.such\.property/);
  const forwarder = await route.start(
    await write("good", "client.rack=here\nbatch.size=20000\ncompression.level=3\n"),
  );
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});
