import type { ApiKey, Period } from "@/api/types";
import { counted, readableCount, readableUsd } from "@/format/figures";

/** What a key has taken of its limits, or of those that hold for every key. */
export function Limits({ of: key }: { of: ApiKey }) {
  const { standing } = key;
  if (!standing) return <p className="text-ink-soft text-sm">Without limits of its own.</p>;
  const shares = [...sharesOf("today", standing.day), ...sharesOf("this month", standing.month)];
  const rates = ratesOf(standing);
  return (
    <div className="grid content-start gap-2.5 text-sm">
      {shares.map((share) => (
        <Meter key={share.name} share={share} />
      ))}
      {rates && <p className="text-ink-soft">{rates}</p>}
      {!key.budget && <p className="text-ink-soft text-xs">As every key without its own limits.</p>}
    </div>
  );
}

interface Share {
  name: string;
  spent: string;
  limit: string;
  /** Of the limit, with what is held for requests in progress; above 1 when it was exceeded. */
  taken: number;
}

function sharesOf(when: string, period: Period | null): Share[] {
  if (!period) return [];
  const { spent, held, limit } = period;
  const share = (unit: keyof Period["limit"], words: (amount: number) => string): Share[] => {
    const most = limit[unit];
    if (most === null) return [];
    const taken = spent[unit] + held[unit];
    return [
      {
        name: `${UNITS[unit]} ${when}`,
        spent: words(spent[unit]),
        limit: words(most),
        taken: most > 0 ? taken / most : 1,
      },
    ];
  };
  return [
    ...share("nano_usd", readableUsd),
    ...share("tokens", readableCount),
    ...share("requests", readableCount),
  ];
}

const UNITS: Record<keyof Period["limit"], string> = {
  nano_usd: "Spent",
  tokens: "Tokens",
  requests: "Requests",
};

function ratesOf(limits: {
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
}): string {
  const rates = [
    limits.requests_per_minute !== null && counted(limits.requests_per_minute, "request"),
    limits.tokens_per_minute !== null && counted(limits.tokens_per_minute, "token"),
  ].filter(Boolean);
  return rates.length > 0 ? `At most ${rates.join(" and ")} a minute.` : "";
}

const ALMOST = 0.8;

function Meter({ share }: { share: Share }) {
  const colour = share.taken >= 1 ? "bg-bad" : share.taken >= ALMOST ? "bg-warn" : "bg-accent";
  return (
    <div>
      <p className="flex flex-wrap justify-between gap-x-3">
        <span className="text-ink-soft">{share.name}</span>
        <span className="tabular-nums">
          {share.spent} of {share.limit}
        </span>
      </p>
      <div aria-hidden="true" className="mt-1 h-1.5 overflow-hidden rounded-full bg-sunken">
        <div
          className={`h-full rounded-full ${colour}`}
          style={{ width: `${Math.min(100, 100 * share.taken)}%` }}
        />
      </div>
    </div>
  );
}
