const NANO = 1_000_000_000;

/** Nano-USD as a person reads them: three significant digits below a dollar, cents above. */
export function readableUsd(nano: number | null): string {
  if (nano === null) return "price not known";
  if (nano === 0) return "$0";
  const sign = nano < 0 ? "−" : "";
  const dollars = Math.abs(nano) / NANO;
  if (dollars >= 1) {
    return `${sign}$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  const decimals = Math.min(9, 2 - Math.floor(Math.log10(dollars)));
  const fixed = dollars.toFixed(decimals);
  return `${sign}$${fixed.replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

export const readableCount = (count: number): string => count.toLocaleString("en-US");

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${readableCount(count)} ${count === 1 ? noun : plural}`;
}

export function readableMs(ms: number): string {
  if (ms < 1) return "< 1 ms";
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export const readableScore = (score: number): string => score.toFixed(2);

export const shortDigest = (digest: string): string =>
  digest.length > 16 ? `${digest.slice(0, 8)}…${digest.slice(-4)}` : digest;

const MOMENT = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

/** In the reader's own time zone, which `wholeMoment` names. */
export const readableMoment = (atMs: number): string => MOMENT.format(atMs);
export const wholeMoment = (atMs: number): string => WHOLE.format(atMs);

/** A share of one as a percentage: 0.8253 reads 82.5 %. */
export const readableShare = (share: number): string => `${(100 * share).toFixed(1)} %`;

const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
export const readableDay = (atMs: number): string => DAY.format(atMs);
