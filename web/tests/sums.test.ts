import { expect, test } from "vitest";
import type { TrafficMinute } from "@/api/types";
import { byMinute, byRoute } from "@/providers/sums";

const MINUTE_MS = 60_000;
const NOW = 1_000 * MINUTE_MS + 12_345;

const row = (changes: Partial<TrafficMinute> = {}): TrafficMinute => ({
  minute_ms: 1_000 * MINUTE_MS,
  usecase: "fees",
  stage: "poc",
  provider: "replay",
  model: "small",
  exchanges: 2,
  refused: 1,
  failed: 0,
  blocked: 0,
  tokens: 10,
  cost_nano_usd: 7,
  p50_ms: 4,
  p99_ms: 9,
  ...changes,
});

test("quiet minutes are shown too, the last one at the end", () => {
  const moments = byMinute([row(), row({ model: "large" })], NOW);
  expect(moments).toHaveLength(60);
  expect(moments.at(-1)).toEqual({ minute_ms: 1_000 * MINUTE_MS, exchanges: 4, unwell: 2 });
  expect(moments[0]?.exchanges).toBe(0);
});

test("routes are summed over minutes, the busiest first", () => {
  const sums = byRoute([
    row(),
    row({ model: "large", exchanges: 9 }),
    row({ minute_ms: 999 * MINUTE_MS, exchanges: 6, p50_ms: 8, p99_ms: 30 }),
  ]);
  expect(sums.map(({ name }) => name)).toEqual([
    "fees@poc · replay/large",
    "fees@poc · replay/small",
  ]);
  expect(sums[1]).toMatchObject({ exchanges: 8, refused: 2, cost_nano_usd: 14, p50_ms: 7 });
  expect(sums[1]?.p99_ms).toBe(30);
});

test("what nobody serves has a name as well", () => {
  const unknown = { usecase: "", stage: "", provider: "", model: "" };
  expect(byRoute([row(unknown)])[0]?.name).toBe("no such model");
});
