import { expect, test } from "vitest";
import { EventReader } from "@/api/sse";

const STREAM =
  'data: {"a":1}\n\n: a comment\r\ndata: one\r\ndata: two\r\n\r\nevent: x\ndata:[DONE]\n\n';
const EVENTS = ['{"a":1}', "one\ntwo", "[DONE]"];

test("the events are the same however the stream is cut", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const reader = new EventReader();
    const events: string[] = [];
    for (let at = 0; at < STREAM.length; at += size) {
      events.push(...reader.push(STREAM.slice(at, at + size)));
    }
    expect(events, `pieces of ${size}`).toEqual(EVENTS);
  }
});

test("an event that the end cuts off is no event", () => {
  expect(new EventReader().push("data: half")).toEqual([]);
});
