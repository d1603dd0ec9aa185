import { expect, test } from "vitest";
import { counted, readableMs, readableUsd, shortDigest } from "@/format/figures";

test.each([
  [null, "price not known"],
  [0, "$0"],
  [1, "$0.000000001"],
  [1_234, "$0.00000123"],
  [150_000, "$0.00015"],
  [12_345_678, "$0.0123"],
  [500_000_000, "$0.50"],
  [999_999_999, "$1.00"],
  [1_234_567_890_123, "$1,234.57"],
  [-2_500_000_000, "−$2.50"],
])("%s nano-USD reads %s", (nano, words) => {
  expect(readableUsd(nano)).toBe(words);
});

test("durations keep the digits that matter", () => {
  expect([0, 3, 999, 1500, 29_700].map(readableMs)).toEqual([
    "< 1 ms",
    "3 ms",
    "999 ms",
    "1.50 s",
    "29.7 s",
  ]);
});

test("one is not many", () => {
  expect(counted(1, "entry", "entries")).toBe("1 entry");
  expect(counted(1200, "entry", "entries")).toBe("1,200 entries");
});

test("a short text is not shortened", () => {
  expect(shortDigest("none")).toBe("none");
  expect(shortDigest("0123456789abcdef0123")).toBe("01234567…0123");
});
