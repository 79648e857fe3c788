import { EVENT_LIMITS, EVENT_TYPES, FAILURES } from "@event-collector/contract";
import type { FailureCode } from "@event-collector/contract";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { EVENT_CODES, REQUEST_CODES } from "./answers.js";
import { describeApi } from "./document.js";
import { ELSEWHERE } from "./operations.js";

const document = describeApi({
  version: "1.2.3",
  eventsMax: 50,
  bytesMax: 65_536,
  limits: { ...EVENT_LIMITS, eventTypes: new Set([...EVENT_TYPES, "lesson_sung"]) },
});

/** The codes that the text of an answer names, with the status it stands under, for every operation. */
function documented(): { code: string; status: number }[] {
  return Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ responses }) => Object.entries(responses))
    .flatMap(([status, { description }]) =>
      [...description.matchAll(/\(`(\w+)`\)/g)].map(([, code = ""]) => ({ code, status: Number(status) })),
    );
}

await t.test("every code that a request can be refused with is documented, and no other", async (t) => {
  const codes = new Set(documented().map(({ code }) => code));
  const elsewhere = Object.keys(ELSEWHERE);
  t.strictSame([...codes, ...elsewhere].sort(), [...REQUEST_CODES].sort());
  t.strictSame([...new Set([...REQUEST_CODES, ...EVENT_CODES])].sort(), Object.keys(FAILURES).sort());
});

await t.test("every code stands under its own status", async (t) => {
  for (const { code, status } of documented()) t.equal(FAILURES[code as FailureCode].http, status, code);
});

await t.test("every code has its meaning in the schema of the answer that carries it", async (t) => {
  const meaningsOf = (name: string): string[] => {
    const { properties } = document.components.schemas[name] as { properties: Record<string, object> };
    const code = properties["code"] as { enum: string[]; "x-enumDescriptions": Record<string, string> };
    t.strictSame(Object.keys(code["x-enumDescriptions"]), code.enum);
    return code.enum;
  };
  t.strictSame(meaningsOf("Problem"), REQUEST_CODES);
  t.strictSame(meaningsOf("EventError"), EVENT_CODES);
});

await t.test("it tells the limits and the types of this very service", async (t) => {
  const { Batch, Event } = document.components.schemas;
  t.match(Batch, {
    properties: { events: { minItems: 1, maxItems: 50, items: { $ref: "#/components/schemas/Event" } } },
    required: ["events"],
  });
  t.match(Event, {
    properties: {
      learner_id: { type: "string", minLength: 1, maxLength: EVENT_LIMITS.idCharactersMax },
      event_type: { enum: [...EVENT_TYPES, "lesson_sung"] },
      event_data: { type: "object" },
      timestamp: { format: "date-time" },
      event_id: { anyOf: [{ type: "string" }, { type: "null" }] },
    },
  });
  t.strictSame(Event?.["required"], [
    "learner_id",
    "course_id",
    "lesson_id",
    "event_type",
    "event_data",
    "timestamp",
  ]);
  t.equal(document.info.version, "1.2.3");
});

await t.test("it is OpenAPI 3.1 without a fault, as a linter sees it", async (t) => {
  const file = join(t.testdir(), "openapi.json");
  await writeFile(file, JSON.stringify(document));
  const linter = dirname(createRequire(import.meta.url).resolve("@redocly/cli/package.json"));
  const environment = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const parameters = [
    join(linter, "bin", "cli.js"),
    "lint",
    "--extends=recommended-strict",
    "--format=json",
    file,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    env: environment,
    cwd: dirname(file),
  }).catch((error: unknown) => error as { stdout: string });
  const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { problems: object[] };
  t.strictSame(report.problems, []);
});
