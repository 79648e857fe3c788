import t from "tap";
import { eventTopics } from "./event-topics.js";

const EXISTING = ["learner.events", "learner.events.dlq", "events.lesson_started", "events.dlq", "events."];

await t.test("a topic without a placeholder is itself, if it is there", async (t) => {
  t.same(eventTopics("learner.events", EXISTING, []), ["learner.events"]);
  t.same(eventTopics("absent", EXISTING, []), []);
});

await t.test("a template means the topics that it can have made, and not those of other use", async (t) => {
  t.same(eventTopics("events.{event_type}", EXISTING, ["events.dlq"]), ["events.lesson_started"]);
  t.same(eventTopics("{event_type}.events", EXISTING, []), ["learner.events"]);
});
