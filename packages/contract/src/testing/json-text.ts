// Arbitrary JSON texts as senders write them: white space anywhere, escapes, doubled names, odd numbers.
import * as fc from "fast-check";

/** A JSON text and how deep its brackets nest. */
export interface JsonText {
  readonly text: string;
  readonly depth: number;
}

const space = fc
  .array(fc.constantFrom(" ", "\t", "\n", "\r"), { maxLength: 2 })
  .map((characters) => characters.join(""));

const stringPiece = fc.constantFrom(
  ...Array.from("az09 {}[],:é😀\u2028"),
  "\\n",
  '\\"',
  "\\\\",
  "\\/",
  "\\u0041",
  "\\ud83d\\ude00",
  "\\ud800",
  "\\u0000",
);

/** The text of a JSON string, with its quotes. */
export const stringText: fc.Arbitrary<string> = fc
  .array(stringPiece, { maxLength: 6 })
  .map((pieces) => `"${pieces.join("")}"`);

/** Numbers that a round trip through a double does not keep, and some that it does. */
export const numberText: fc.Arbitrary<string> = fc.constantFrom(
  "0",
  "-0",
  "1.10",
  "1e400",
  "-1E+400",
  "1e-400",
  "12345678901234567890",
  "0.1000000000000000055511151231257827",
  "42",
);

const nameText = fc.oneof(fc.constantFrom('"a"', '"b"', '"__proto__"', '""', '"\\u0061"'), stringText);

/** Any JSON value, without white space around it. */
export const jsonText: fc.Arbitrary<JsonText> = fc.letrec<{ value: JsonText }>((tie) => {
  const element = fc.tuple(space, tie("value"), space);
  const member = fc.tuple(
    fc.tuple(space, nameText, space).map((parts) => parts.join("")),
    element,
  );
  return {
    value: fc.oneof(
      { depthSize: "small", maxDepth: 5 },
      fc
        .oneof(stringText, numberText, fc.constantFrom("true", "false", "null"))
        .map((text) => ({ text, depth: 0 })),
      fc.tuple(fc.array(element, { maxLength: 4 }), space).map(([elements, blank]) => ({
        text: `[${elements.length === 0 ? blank : elements.map(spaced).join(",")}]`,
        depth: 1 + deepest(elements),
      })),
      fc.tuple(fc.array(member, { maxLength: 4 }), space).map(([members, blank]) => ({
        text: `{${members.length === 0 ? blank : members.map(([name, value]) => `${name}:${spaced(value)}`).join(",")}}`,
        depth: 1 + deepest(members.map(([, value]) => value)),
      })),
    ),
  };
}).value;

type SpacedText = readonly [string, JsonText, string];

function spaced([before, { text }, after]: SpacedText): string {
  return before + text + after;
}

function deepest(children: readonly SpacedText[]): number {
  return Math.max(0, ...children.map(([, { depth }]) => depth));
}
