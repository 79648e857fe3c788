import { Code } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { BadRequestSchema, ErrorInfoSchema, FAILURES, RetryInfoSchema } from "@event-collector/contract";
import type { FailureCode, Violation } from "@event-collector/contract";
import t from "tap";
import { connectCodeOf, refusalError, rejectionError } from "./connect-error.js";

await t.test(
  "every failure has a code, its name as a reason, and a pause exactly if it may be retried",
  async (t) => {
    for (const code of Object.keys(FAILURES) as FailureCode[]) {
      const error = refusalError({ code, message: "because" });
      t.ok(connectCodeOf(code) in Code, code);
      t.match(error.findDetails(ErrorInfoSchema), [{ reason: code, domain: "event-collector" }], code);
      t.equal(error.findDetails(RetryInfoSchema).length, FAILURES[code].retryable ? 1 : 0, code);
      t.equal(error.metadata.has("retry-after"), FAILURES[code].retryable, code);
    }
  },
);

await t.test("the reasons of a rejection fit into the trailers of any client", async (t) => {
  const long = (n: number): Violation => ({
    code: "invalid_text",
    pointer: `/event_data/${n}${"é".repeat(240)}`,
    message: "event_data must not hold half of a surrogate pair",
  });
  const error = rejectionError(Array.from({ length: 20 }, (_, n) => long(n)));
  const trailers = setTrailerStatus(new Headers(), error);
  const bytes = [...trailers].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  t.ok(bytes < 8192, `${bytes} bytes`);
  const [details] = error.findDetails(BadRequestSchema);
  t.ok((details?.fieldViolations.length ?? 0) > 5);
});

await t.test("at least one reason is told, however long", async (t) => {
  const error = rejectionError([{ code: "invalid_text", pointer: "", message: "x".repeat(10_000) }]);
  t.equal(error.findDetails(BadRequestSchema)[0]?.fieldViolations.length, 1);
});
