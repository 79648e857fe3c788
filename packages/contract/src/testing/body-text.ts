// Bodies of batches as senders write them, most of them right, and bodies that are nearly right.
import * as fc from "fast-check";
import { jsonText } from "./json-text.js";
import { sampleEvent, utf8 } from "./sample.js";

const space = fc.constantFrom("", "", "", " ", "\n", "\r\n\t");

/** A member of an event as somebody may write it; most are right. */
const memberText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Object.entries(sampleEvent())).map(spell) },
  fc.constantFrom(
    '"event_id":"own"',
    '"event_id":"\\u006fw\\"n"',
    '"event_id":null',
    '"event_id":""',
    '"session_id":"é😀"',
    '"session_id":null',
    '"session_id":""',
    '"metadata":{"a":[1.10,{"b":"]}"}]}',
    '"metadata":null',
    '"received_at":"x"',
    '"\\u006cearner_id":"disguised"',
    '"more":{}',
  ),
  jsonText.map(({ text }) => `"event_data":{"a":${text}}`),
);

function spell([name, value]: [string, unknown]): string {
  return `"${name}":${JSON.stringify(value)}`;
}

export const eventText: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.tuple(space, memberText, space), { maxLength: 4 }), fc.boolean(), space)
  .map(([members, isWhole, blank]) => {
    const own = members.map((parts) => parts.join(""));
    const rest = isWhole ? Object.entries(sampleEvent()).map(spell) : [];
    return `{${[...own, ...rest].join(",") || blank}}`;
  });

export const bodyText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(space, fc.array(eventText, { minLength: 1, maxLength: 3 }), space)
      .map(
        ([before, events, after]) =>
          `${before}{"events":[${events.join(`${after},`)}${after}]${before}}${after}`,
      ),
  },
  jsonText.map(({ text }) => `{"events":[${text}]}`),
);

/** Mostly right, so that whole events often are. */
function mostly(good: readonly string[], bad: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...good) }, fc.constantFrom(...bad));
}

/** Values that an event's objects may hold, with what the scanner has to tell apart. */
const dataText = fc.oneof(
  jsonText.map(({ text }) => text),
  mostly(
    ['"\\ud83d\\ude00"', '{"b":1,"c":[{}]}', "-0.5e+10", "1E-2", '"\\n é"', "[[],{}]", "true"],
    [
      '"\\ud83d"',
      '"\\ude00\\ud83d"',
      '"\\ud83d\\u0041"',
      '{"__proto__":1}',
      '{"\\u005f_proto__":1}',
      '{"b":{"c":{"d":{}}}}',
      '{"b":1,"b":2,"c":3,"d":4}',
      "[[[[]]]]",
      "01",
      '"\n"',
    ],
  ),
);

const idText = mostly(
  ['"a"', '"abcd"', '"é"', '"\u00a0😀"'],
  ['"abcde"', '"\u0085"', '"\u007f"', '""', '"a\\n"', '"\n"'],
);

const timeText = mostly(
  ['"2024-01-15T10:30:00Z"', '"2024-02-29t23:59:59.123456+05:30"'],
  ['"2023-02-29T00:00:00Z"', '"2024-01-15T10:30:00"', '"2024-01-15T10:30:00.Z"'],
);

const typeText = mostly(['"lesson_started"', '"lesson_completed"'], ['"lesson_complete"', '"é"', '""']);

/** An event of all members in any order, each nearly always right. */
const wholeEventText = fc
  .tuple(
    fc.record({
      learner_id: idText,
      course_id: fc.constant('"c"'),
      lesson_id: fc.constant('"l"'),
      event_type: typeText,
      event_data: dataText.map((text) => `{"a":${text}}`),
      timestamp: timeText,
      session_id: fc.oneof({ weight: 5, arbitrary: idText }, fc.constantFrom("null", '""')),
      metadata: fc.oneof(
        { weight: 5, arbitrary: dataText.map((text) => `{"a":${text}}`) },
        mostly(["null", "{}"], ["[]"]),
      ),
      event_id: fc.oneof({ weight: 9, arbitrary: idText }, fc.constant("null")),
    }),
    fc.subarray(["session_id", "metadata", "event_id"] as const),
    fc.nat(),
    space,
  )
  .map(([values, left, turn, blank]) => {
    const members = Object.entries(values).filter(([name]) => !left.some((other) => other === name));
    const first = turn % 3 === 0 ? turn % members.length : 0;
    const turned = [...members.slice(first), ...members.slice(0, first)];
    return `{${turned.map(([name, value]) => `${blank}"${name}"${blank}:${value}`).join(",")}${blank}}`;
  });

const wholeBodyText = fc
  .array(wholeEventText, { minLength: 1, maxLength: 2 })
  .map((events) => `{"events":[${events.join(",")}]}`);

/** What spoils a JSON text, or changes what it says, wherever it is put. */
const SPOILERS: readonly (string | Uint8Array)[] = [
  ...Array.from("{}[],:\"\\0-.e+ \t\n\r\0\u001f\u007f\u0085\u00a0\u2028\ufeffé😀/'"),
  "\\u0041",
  "\\ud800",
  "\\udc00",
  "\\ud83d\\ude00",
  "\\x",
  "\\uZZZZ",
  "__proto__",
  '"__proto__":1,',
  '"learner_id":"y",',
  '"event_id":"y",',
  '"more":1,',
  '"events":[],',
  ',"events":[1]',
  "01",
  "1.",
  ".5",
  "1e",
  "1e5",
  "-",
  "NaN",
  "Infinity",
  "null",
  "nul",
  "true",
  "[[[[[[",
  "/**/",
  Buffer.from([0xff]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xc2]),
];

/** The bytes of a body, as it was written or with something put in or in place of a few bytes. */
export const bodyBytes: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.oneof(bodyText, { weight: 4, arbitrary: wholeBodyText }),
    fc.option(fc.tuple(fc.nat(10_000), fc.nat(3), fc.constantFrom(...SPOILERS))),
  )
  .map(([text, spoiler]) => {
    const body = utf8(text);
    if (spoiler === null) return body;
    const [place, taken, put] = spoiler;
    const at = place % (body.length + 1);
    return Buffer.concat([body.subarray(0, at), Buffer.from(put), body.subarray(at + taken)]);
  });
