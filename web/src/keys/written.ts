import type { Budget } from "@/api/types";

/** The limits of a key that the form asks for, in its order. */
export const LIMITS = {
  per_day_usd: "US dollars a day",
  per_month_usd: "US dollars a month",
  per_day_tokens: "Tokens a day",
  per_month_tokens: "Tokens a month",
  per_day_requests: "Requests a day",
  per_month_requests: "Requests a month",
  requests_per_minute: "Requests a minute",
  tokens_per_minute: "Tokens a minute",
} as const satisfies Partial<Record<keyof Budget, string>>;

export type Limit = keyof typeof LIMITS;
/** What stands in the fields. */
export type Written = Partial<Record<Limit, string>>;

/** Null where no limit is written: then the key has no budget of its own. */
export function written(limits: Written): Budget | null {
  const given = Object.entries(limits).filter(([, text]) => text.trim() !== "");
  if (given.length === 0) return null;
  return Object.fromEntries(given.map(([limit, text]) => [limit, Number(text)]));
}
