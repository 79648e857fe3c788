import t from "tap";
import { renderLogLine } from "./log-line.js";

await t.test("a record of the log becomes a line for people", async (t) => {
  const record = {
    level: "info",
    time: "2026-01-02T03:04:05.678Z",
    service: "event-collector",
    msg: "listening",
    port: 8000,
    kafka: { topic: "learner.events" },
  };
  const line = renderLogLine("ingress", JSON.stringify(record), record, false);
  t.equal(line, 'ingress   03:04:05 listening port=8000 kafka={"topic":"learner.events"}');
});

await t.test("a warning says so", async (t) => {
  const record = { level: "warn", msg: "the broker does not answer" };
  t.equal(renderLogLine("forwarder", "", record, false), "forwarder warn: the broker does not answer");
  t.match(
    renderLogLine("forwarder", "", record, true),
    "\u001b[33mwarn: the broker does not answer\u001b[0m",
  );
});

await t.test("what is no record stays as it is", async (t) => {
  t.equal(renderLogLine("broker", "Segmentation fault", {}, false), "broker    Segmentation fault");
});
