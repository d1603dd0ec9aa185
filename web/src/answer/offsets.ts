/**
 * The server counts characters (code points), JavaScript counts UTF-16 units.
 * Returns the function that turns one of its offsets into one of ours.
 */
export function toUnits(text: string): (offset: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (offset) => Math.max(0, Math.min(offset, text.length));
  const starts = [0];
  for (const character of text) starts.push((starts.at(-1) ?? 0) + character.length);
  return (offset) => starts[Math.max(0, Math.min(offset, starts.length - 1))] ?? text.length;
}

export interface Range {
  start: number;
  end: number;
}

/** Sorted and without overlap. */
export function merged(ranges: readonly Range[]): Range[] {
  const found: Range[] = [];
  for (const range of [...ranges].sort((one, other) => one.start - other.start)) {
    const last = found.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else if (range.end > range.start) found.push({ ...range });
  }
  return found;
}

/** The text in pieces, each inside a range (`marked`) or outside all of them. */
export function cutAt(text: string, ranges: readonly Range[]): (Range & { marked: boolean })[] {
  const pieces: (Range & { marked: boolean })[] = [];
  let at = 0;
  for (const { start, end } of merged(ranges)) {
    if (start > at) pieces.push({ start: at, end: start, marked: false });
    pieces.push({ start, end, marked: true });
    at = end;
  }
  if (at < text.length) pieces.push({ start: at, end: text.length, marked: false });
  return pieces;
}
