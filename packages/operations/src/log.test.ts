import t from "tap";
import { renderLine } from "./log-line.js";
import { createLogger } from "./log.js";

function logged(action: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  action(createLogger({ level: "info", serviceName: "here" }, { write }));
  return lines;
}

await t.test("a line says when, how bad, who and what", (t) => {
  const [line] = logged((logger) => logger.warn({ port: 1 }, "listening"));
  t.match(line, { level: "warn", time: /^\d{4}-.+Z$/, service: "here", port: 1, msg: "listening" });
  t.end();
});

await t.test("an error keeps its message and its cause, and nothing below the level is written", (t) => {
  const error = new Error("the disk", { cause: new Error("is gone") });
  const lines = logged((logger) => {
    logger.debug("no");
    logger.error({ error }, "stopped");
  });
  t.equal(lines.length, 1);
  t.match(lines[0], { error: { type: "Error", message: /the disk/ } });
  t.end();
});

await t.test("what is named like a secret is taken out of whatever object comes in by mistake", (t) => {
  const secret = "zebra";
  const lines = logged((logger) => {
    logger.info({ password: secret, token: secret }, "one");
    logger.info({ headers: { authorization: secret, "x-api-key": secret, cookie: secret } }, "two");
    logger.info({ request: { headers: { authorization: secret, "sasl.password": secret } } }, "three");
  });
  t.equal(lines.length, 3);
  t.notMatch(JSON.stringify(lines), secret);
  t.end();
});

await t.test("at a terminal a line is for reading", (t) => {
  const line = JSON.stringify({
    level: "warn",
    time: "2026-01-02T03:04:05.678Z",
    service: "here",
    attempts: 2,
    reason: "down",
    error: { message: "x" },
    msg: "delivery failed; trying again",
  });
  t.equal(
    renderLine(line, false),
    '03:04:05.678 warn  delivery failed; trying again attempts=2 reason=down error={"message":"x"}',
  );
  t.match(renderLine(line, true), "\u001b[33mwarn ");
  t.equal(renderLine("no record\n", false), "no record");
  t.end();
});
