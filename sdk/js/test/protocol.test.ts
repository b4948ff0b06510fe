import { expect, test } from "vitest";
import page from "../../../docs/protocol.md?raw";
import { readServerMessage } from "../src/protocol.js";

const examples = [...page.matchAll(/```json server\n(.+)\n```/g)].map((match) => match[1] ?? "");

test("the page has examples of what the server says", () => {
  expect(examples.length).toBeGreaterThan(15);
});

test.each(examples)("is understood: %s", (example) => {
  expect(readServerMessage(example)).toEqual(JSON.parse(example));
});

test.each([
  ["not JSON", "hello", undefined],
  ["not an object", "[1]", undefined],
  ["null", "null", undefined],
  ["without a type", '{"seq":1}', undefined],
  ["of a newer server", '{"type":"go_away","seq":9}', { type: "unknown", seq: 9 }],
])("%s", (_, frame, expected) => {
  expect(readServerMessage(frame)).toEqual(expected);
});
