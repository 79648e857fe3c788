/** The broker of the tests is what it claims to be: without this, nothing that the other tests show would count. */
import rdkafka from "node-rdkafka";
import t from "tap";
import { request } from "./client.js";
import { readTopic, startKafka, uniqueTopic } from "./index.js";

const kafka = await startKafka(t);
t.comment(`${kafka.kind} at ${kafka.bootstrap}`);
const isApache = kafka.kind === "apache";

/** Produces in one transaction, which is then committed, aborted or left open. */
async function produce(
  topic: string,
  values: readonly string[],
  end: "commit" | "abort" | "leave",
): Promise<rdkafka.Producer> {
  const producer = new rdkafka.Producer(
    { "bootstrap.servers": kafka.bootstrap, "transactional.id": `test-${topic}` },
    { "message.timeout.ms": 10_000 },
  );
  await request((done) => producer.connect({ timeout: 10_000 }, done));
  await request((done) => producer.initTransactions(10_000, (error) => done(error, undefined)));
  await request((done) => producer.beginTransaction((error) => done(error, undefined)));
  for (const value of values) {
    producer.produce(topic, null, Buffer.from(value), `key-${value}`, null, undefined, [{ kind: "test" }]);
  }
  await request((done) => producer.flush(10_000, (error) => done(error, undefined)));
  if (end === "commit") {
    await request((done) => producer.commitTransaction(10_000, (error) => done(error, undefined)));
  }
  if (end === "abort") {
    await request((done) => producer.abortTransaction(10_000, (error) => done(error, undefined)));
  }
  if (end !== "leave") await request((done) => producer.disconnect((_error, metrics) => done(null, metrics)));
  return producer;
}

await t.test("a topic is read whole, with keys, values and headers, from all its partitions", async (t) => {
  const topic = uniqueTopic();
  await kafka.createTopic(topic, { partitions: 4 });
  t.strictSame(await readTopic(kafka.bootstrap, topic), [], "an empty topic is empty");
  const values = Array.from({ length: 2_500 }, (_, index) => String(index));
  await produce(topic, values, "commit");
  const messages = await readTopic(kafka.bootstrap, topic);
  t.equal(messages.length, values.length);
  t.equal(new Set(messages.map((message) => message.value.toString())).size, values.length, "each once");
  t.ok(messages.every((message) => message.key === `key-${message.value.toString()}`));
  t.ok(messages.every((message) => message.headers["kind"] === "test"));
  t.ok(new Set(messages.map((message) => message.partition)).size > 1);
});

await t.test(
  "messages of aborted and of open transactions are seen only by read_uncommitted",
  { skip: !isApache && "the mock cluster shows them to all" },
  async (t) => {
    const topic = uniqueTopic();
    await kafka.createTopic(topic);
    await produce(topic, ["kept"], "commit");
    await produce(topic, ["aborted"], "abort");
    const open = await produce(topic, ["open"], "leave");
    const committed = await readTopic(kafka.bootstrap, topic, { unfinished: "stop-before" });
    t.strictSame(
      committed.map((message) => message.value.toString()),
      ["kept"],
    );
    const all = await readTopic(kafka.bootstrap, topic, { isolation: "read_uncommitted" });
    t.equal(all.length, 3);
    await t.rejects(readTopic(kafka.bootstrap, topic, { timeoutMs: 500 }), { message: /was not read whole/ });
    await request((done) => open.disconnect((_error, metrics) => done(null, metrics)));
  },
);

await t.test(
  "a topic that nobody created is an error",
  { skip: !isApache && "needs Apache Kafka" },
  async (t) => {
    await t.rejects(readTopic(kafka.bootstrap, uniqueTopic()), { message: /there is no topic/ });
  },
);

await t.test(
  "the broker keeps its address and content over stop, kill -9 and SIGSTOP",
  { skip: !isApache && "needs Apache Kafka" },
  async (t) => {
    const topic = uniqueTopic();
    await kafka.createTopic(topic);
    await produce(topic, ["one"], "commit");
    await kafka.kill();
    await kafka.start();
    t.equal((await readTopic(kafka.bootstrap, topic)).length, 1, "after kill -9");
    await kafka.restart();
    t.equal((await readTopic(kafka.bootstrap, topic)).length, 1, "after an orderly restart");
    kafka.pause();
    const reading = readTopic(kafka.bootstrap, topic);
    const early = await Promise.race([
      reading,
      new Promise((resolve) => setTimeout(resolve, 300, "nothing")),
    ]);
    t.equal(early, "nothing", "a frozen broker does not answer");
    kafka.resume();
    t.equal((await reading).length, 1, "after SIGCONT");
  },
);
