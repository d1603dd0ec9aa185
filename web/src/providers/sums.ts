import type { TrafficMinute } from "@/api/types";

const MINUTE_MS = 60_000;
const MINUTES = 60;

export interface Moment {
  minute_ms: number;
  exchanges: number;
  /** Refused or failed. */
  unwell: number;
}

export interface RouteSum {
  name: string;
  exchanges: number;
  refused: number;
  failed: number;
  tokens: number;
  cost_nano_usd: number;
  /** Weighted mean over the minutes. */
  p50_ms: number;
  /** The worst minute's. */
  p99_ms: number;
}

/** Sixty minutes up to now, quiet ones too. */
export function byMinute(minutes: TrafficMinute[], nowMs: number): Moment[] {
  const last = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const found = grouped(minutes, ({ minute_ms }) => minute_ms);
  return Array.from({ length: MINUTES }, (_, back) => {
    const minute_ms = last - (MINUTES - 1 - back) * MINUTE_MS;
    const rows = found.get(minute_ms) ?? [];
    return {
      minute_ms,
      exchanges: rows.reduce((sum, row) => sum + row.exchanges, 0),
      unwell: rows.reduce((sum, row) => sum + row.refused + row.failed, 0),
    };
  });
}

/** One line for each use case at a stage with its model, the busiest first. */
export function byRoute(minutes: TrafficMinute[]): RouteSum[] {
  const found = grouped(minutes, nameOf);
  const sums = [...found].map(([name, rows]) => {
    const total = (pick: (row: TrafficMinute) => number) =>
      rows.reduce((sum, row) => sum + pick(row), 0);
    const exchanges = total((row) => row.exchanges);
    return {
      name,
      exchanges,
      refused: total((row) => row.refused),
      failed: total((row) => row.failed),
      tokens: total((row) => row.tokens),
      cost_nano_usd: total((row) => row.cost_nano_usd),
      p50_ms: total((row) => row.p50_ms * row.exchanges) / exchanges,
      p99_ms: Math.max(...rows.map((row) => row.p99_ms)),
    };
  });
  return sums.sort((one, other) => other.exchanges - one.exchanges);
}

function nameOf({ usecase, stage, provider, model }: TrafficMinute): string {
  const asked = usecase ? `${usecase}@${stage}` : "no such model";
  return model ? `${asked} · ${provider}/${model}` : asked;
}

function grouped<Key>(
  minutes: TrafficMinute[],
  by: (row: TrafficMinute) => Key,
): Map<Key, TrafficMinute[]> {
  const found = new Map<Key, TrafficMinute[]>();
  for (const row of minutes) {
    const key = by(row);
    const rows = found.get(key);
    if (rows) rows.push(row);
    else found.set(key, [row]);
  }
  return found;
}
