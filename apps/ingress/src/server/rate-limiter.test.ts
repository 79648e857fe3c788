import t from "tap";
import { createRateLimiter } from "./rate-limiter.js";
import type { RateLimiter } from "./rate-limiter.js";

const RATE = { perSecond: 10, burst: 3 };

function fixture(sendersMax = 100): { limiter: RateLimiter; pass: (ms: number) => void } {
  let now = 1_000;
  return {
    limiter: createRateLimiter({ monotonic: () => now }, sendersMax),
    pass: (ms) => {
      now += ms;
    },
  };
}

await t.test("a burst is allowed at once, and no more", async (t) => {
  const { limiter } = fixture();
  const verdicts = [1, 2, 3, 4].map(() => limiter.take("a", RATE));
  t.same(
    verdicts.map(({ allowed }) => allowed),
    [true, true, true, false],
  );
  t.same(
    verdicts.map(({ remaining }) => remaining),
    [2, 1, 0, 0],
  );
  t.equal(verdicts[3]?.waitMs, 100, "it says when there will be a token");
});

await t.test("tokens come back one by one, up to a burst", async (t) => {
  const { limiter, pass } = fixture();
  for (let count = 0; count < 4; count += 1) limiter.take("a", RATE);
  pass(100);
  t.ok(limiter.take("a", RATE).allowed);
  t.notOk(limiter.take("a", RATE).allowed);
  pass(3_600_000);
  t.equal(limiter.take("a", RATE).remaining, 2, "an hour of silence saves no more than a burst");
});

await t.test(
  "in no window of time more is allowed than a burst and the rate, wherever it begins",
  async (t) => {
    const { limiter, pass } = fixture();
    const allowedAt: number[] = [];
    for (let ms = 0; ms < 5_000; ms += 7) {
      if (limiter.take("a", RATE).allowed) allowedAt.push(ms);
      pass(7);
    }
    for (const start of allowedAt) {
      const inSecond = allowedAt.filter((ms) => ms >= start && ms < start + 1_000).length;
      t.ok(inSecond <= RATE.burst + RATE.perSecond, `${inSecond} from ${start}`);
    }
    t.ok(allowedAt.length >= 50, "and the rate is reached");
  },
);

await t.test("senders do not share", async (t) => {
  const { limiter } = fixture();
  for (let count = 0; count < 4; count += 1) limiter.take("a", RATE);
  t.ok(limiter.take("b", RATE).allowed);
});

await t.test("a refusal costs nothing: who goes on asking is not kept out for longer", async (t) => {
  const { limiter, pass } = fixture();
  for (let count = 0; count < 1_000; count += 1) limiter.take("a", RATE);
  pass(100);
  t.ok(limiter.take("a", RATE).allowed);
});

await t.test("the table is bounded, and forgets who was quiet the longest", async (t) => {
  const { limiter } = fixture(100);
  for (let count = 0; count < 3; count += 1) limiter.take("busy", RATE);
  for (let sender = 0; sender < 10_000; sender += 1) limiter.take(`sender ${sender}`, RATE);
  t.equal(limiter.count(), 100);
  t.ok(limiter.take("busy", RATE).allowed, "its bucket was forgotten, so it has a burst again");
});

await t.test("fractions of milliseconds cost nobody the last token of a burst", async (t) => {
  const { limiter } = fixture();
  const rate = { perSecond: 3, burst: 1_000 };
  const allowed = Array.from({ length: 1_001 }, () => limiter.take("a", rate).allowed);
  t.equal(allowed.filter(Boolean).length, 1_000);
});
