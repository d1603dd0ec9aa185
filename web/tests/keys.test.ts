import { expect, test } from "vitest";
import { stateOf } from "@/keys/state";
import { written } from "@/keys/written";

const NOW = 1_000;

test("a key that was revoked is so, whenever it expires", () => {
  expect(stateOf({ revoked_at_ms: 5, expires_at_ms: null }, NOW)).toBe("revoked");
  expect(stateOf({ revoked_at_ms: 5, expires_at_ms: 10 }, NOW)).toBe("revoked");
});

test("a key expires at its moment", () => {
  expect(stateOf({ revoked_at_ms: null, expires_at_ms: NOW }, NOW)).toBe("expired");
  expect(stateOf({ revoked_at_ms: null, expires_at_ms: NOW + 1 }, NOW)).toBe("active");
  expect(stateOf({ revoked_at_ms: null, expires_at_ms: null }, NOW)).toBe("active");
});

test("fields left empty are no limits, and 0 is one", () => {
  expect(written({})).toBeNull();
  expect(written({ per_day_usd: " " })).toBeNull();
  expect(written({ per_day_usd: "0", per_day_tokens: "", requests_per_minute: "60" })).toEqual({
    per_day_usd: 0,
    requests_per_minute: 60,
  });
});
