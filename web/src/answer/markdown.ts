/**
 * The part of Markdown that answers use, with the place of everything in the source,
 * so that claims and citations, which point into the source, find their text again.
 * Links and images stay text: what a model writes must not make a reader's browser call out.
 */
import type { Range } from "./offsets";

export interface Block extends Range {
  kind: "paragraph" | "heading" | "item" | "quote" | "code" | "table";
  /** Nesting of an item, level of a heading. */
  level: number;
  /** What stands before an item: a bullet or its number. */
  marker: string;
}

export interface Leaf extends Range {
  kind: "text" | "strong" | "emphasis" | "code" | "citation";
  /** Of a citation: the `n` in `[n]`. */
  number: number;
}

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^(#{1,6})\s+/;
const ITEM = /^(\s*)([-*+•]|\d{1,3}[.)])\s+/;
const QUOTE = /^>\s?/;
const TABLE = /^\s*\|.*\|\s*$/;

export function blocksOf(source: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  let fenced: Block | undefined;
  const begin = (started: Block): Block => {
    blocks.push(started);
    return started;
  };
  for (const line of linesOf(source)) {
    const text = source.slice(line.start, line.end);
    if (FENCE.test(text)) {
      fenced = fenced ? undefined : begin(block("code", line.end + 1, line.end + 1));
      open = undefined;
    } else if (fenced) {
      fenced.end = line.end;
    } else if (text.trim() === "") {
      open = undefined;
    } else {
      const started = startOf(text, line);
      if (open && continues(open, started)) open.end = line.end;
      else open = begin(started);
    }
  }
  return blocks.filter((found) => found.end > found.start);
}

function* linesOf(source: string): Generator<Range> {
  let start = 0;
  while (start <= source.length) {
    const stop = source.indexOf("\n", start);
    const end = stop < 0 ? source.length : stop;
    yield { start, end };
    start = end + 1;
  }
}

function block(kind: Block["kind"], start: number, end: number): Block {
  return { kind, start, end, level: 0, marker: "" };
}

function startOf(text: string, line: Range): Block {
  const heading = HEADING.exec(text);
  if (heading) {
    const level = heading[1]?.length ?? 1;
    return { ...block("heading", line.start + heading[0].length, line.end), level };
  }
  const item = ITEM.exec(text);
  if (item) {
    const marker = /\d/.test(item[2] ?? "") ? (item[2] ?? "") : "•";
    const level = Math.floor((item[1]?.length ?? 0) / 2);
    return { ...block("item", line.start + item[0].length, line.end), level, marker };
  }
  const quote = QUOTE.exec(text);
  if (quote) return block("quote", line.start + quote[0].length, line.end);
  return block(TABLE.test(text) ? "table" : "paragraph", line.start, line.end);
}

/** Does the line belong to the block before it? */
function continues(open: Block, line: Block): boolean {
  if (open.kind === "table") return line.kind === "table";
  return line.kind === "paragraph" && ["paragraph", "item", "quote"].includes(open.kind);
}

const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "\\*\\*(?<strong>[^*\\n]+)\\*\\*",
    "(?<![\\w*])\\*(?<emphasis>[^*\\s][^*\\n]*)\\*(?![\\w*])",
    "!?\\[(?<link>[^\\]\\n]+)\\]\\([^)\\s]*\\)",
    "\\[(?<citation>\\d{1,3})\\]",
  ].join("|"),
  "gd",
);

export function leavesOf(source: string, range: Range): Leaf[] {
  const leaves: Leaf[] = [];
  let at = range.start;
  const add = (kind: Leaf["kind"], start: number, end: number, number = 0) => {
    if (end > start) leaves.push({ kind, start, end, number });
  };
  INLINE.lastIndex = range.start;
  for (
    let found = INLINE.exec(source);
    found && found.index + found[0].length <= range.end;
    found = INLINE.exec(source)
  ) {
    const places: Record<string, [number, number] | undefined> = found.indices?.groups ?? {};
    add("text", at, found.index);
    for (const [name, place] of Object.entries(places)) {
      if (!place) continue;
      const kind = name === "link" ? "text" : (name as Leaf["kind"]);
      add(kind, place[0], place[1], name === "citation" ? Number(found.groups?.citation) : 0);
    }
    at = found.index + found[0].length;
  }
  add("text", at, range.end);
  return leaves;
}
