import t from "tap";
import { traceContextOf } from "./trace-context.js";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

await t.test("a well-formed context is taken", async (t) => {
  t.same(traceContextOf({ traceparent: PARENT, tracestate: "vendor=1" }), {
    traceparent: PARENT,
    tracestate: "vendor=1",
  });
  t.same(traceContextOf({ traceparent: PARENT }), { traceparent: PARENT, tracestate: undefined });
});

await t.test("a malformed parent makes no context", async (t) => {
  const bad = [
    PARENT.toUpperCase(),
    `${PARENT}-more`,
    PARENT.replace("00-", "ff-"),
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "",
  ];
  for (const traceparent of bad) t.equal(traceContextOf({ traceparent }), undefined, traceparent);
  t.equal(traceContextOf({ tracestate: "vendor=1" }), undefined);
});

await t.test("a state that is too long or not printable is left out", async (t) => {
  for (const tracestate of ["x".repeat(513), "a=\u0001", ""]) {
    t.same(traceContextOf({ traceparent: PARENT, tracestate }), {
      traceparent: PARENT,
      tracestate: undefined,
    });
  }
});
