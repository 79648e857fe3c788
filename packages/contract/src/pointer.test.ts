import t from "tap";
import { POINTER_BYTES_MAX, pointerTo } from "./pointer.js";

// The examples of RFC 6901, section 5.
const TABLE: [(string | number)[], string][] = [
  [[], ""],
  [["foo"], "/foo"],
  [["foo", 0], "/foo/0"],
  [[""], "/"],
  [["a/b"], "/a~1b"],
  [["c%d"], "/c%d"],
  [['k"l'], '/k"l'],
  [[" "], "/ "],
  [["m~n"], "/m~0n"],
  [["~1"], "/~01"],
];

await t.test("writes pointers as RFC 6901 has them", async (t) => {
  for (const [path, pointer] of TABLE) t.equal(pointerTo(path), pointer);
});

await t.test("stops at the deepest ancestor whose pointer fits", async (t) => {
  t.equal(pointerTo(["a", "x".repeat(POINTER_BYTES_MAX - 3)]).length, POINTER_BYTES_MAX);
  t.equal(pointerTo(["a", "x".repeat(POINTER_BYTES_MAX - 2), "b"]), "/a");
  t.equal(pointerTo(["a", "é".repeat(POINTER_BYTES_MAX / 2), "b"]), "/a");
});
