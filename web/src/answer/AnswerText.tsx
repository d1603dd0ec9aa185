import { Fragment, type ReactNode, useMemo } from "react";
import type { Citation, Claim } from "@/api/types";
import { supportWord } from "@/format/words";
import { type Block, blocksOf, type Leaf, leavesOf } from "./markdown";
import { type Range, toUnits } from "./offsets";

interface Marked extends Range {
  claim: Claim;
}

interface Answer {
  text: string;
  citations: readonly Citation[];
  claims: readonly Claim[];
  /** Number of the citation that is open beside the answer. */
  openNumber?: number | null | undefined;
  onOpen: (number: number) => void;
  streaming?: boolean;
}

/** An answer with its claims underlined by verdict and its citations as buttons. */
export function AnswerText(answer: Answer) {
  const { text, claims, streaming = false } = answer;
  const blocks = useMemo(() => blocksOf(text), [text]);
  const marked = useMemo(() => marksOf(text, claims), [text, claims]);
  return (
    <div className="grid min-w-0 gap-3 break-words leading-relaxed">
      {blocks.map((block, at) => (
        <BlockText
          answer={answer}
          block={block}
          caret={streaming && at === blocks.length - 1}
          key={block.start}
          marked={marked}
        />
      ))}
    </div>
  );
}

const WORD = /[\p{L}\p{N}]/u;
const MARKERS = /\s*\[\d{1,3}\]\s*/g;

/** The words of each claim, without the citations among them and the space around those. */
function marksOf(text: string, claims: readonly Claim[]): Marked[] {
  const units = toUnits(text);
  return claims.flatMap((claim) => {
    const start = units(claim.start);
    const said = text.slice(start, units(claim.end));
    let at = 0;
    const marks: Marked[] = [];
    for (const marker of [...said.matchAll(MARKERS), null]) {
      const end = marker?.index ?? said.length;
      if (WORD.test(said.slice(at, end)))
        marks.push({ claim, start: start + at, end: start + end });
      at = end + (marker?.[0].length ?? 0);
    }
    return marks;
  });
}

function BlockText({
  block,
  marked,
  answer,
  caret,
}: {
  block: Block;
  marked: Marked[];
  answer: Answer;
  caret: boolean;
}) {
  const { text } = answer;
  if (block.kind === "code" || block.kind === "table") {
    return (
      <pre
        className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-[0.85em] leading-normal"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard
        tabIndex={0}
      >
        {text.slice(block.start, block.end)}
      </pre>
    );
  }
  const inside = <Inline answer={answer} block={block} marked={marked} />;
  const flow = caret ? "caret" : "";
  switch (block.kind) {
    case "heading":
      return <p className={`font-semibold ${flow}`}>{inside}</p>;
    case "quote":
      return <blockquote className={`border-line border-l-2 pl-3 ${flow}`}>{inside}</blockquote>;
    case "item":
      return (
        <p className={`grid grid-cols-[auto_1fr] gap-2 ${block.level > 0 ? "ml-5" : ""}`}>
          <span className="text-ink-soft tabular-nums">{block.marker}</span>
          <span className={`min-w-0 ${flow}`}>{inside}</span>
        </p>
      );
    default:
      return <p className={flow}>{inside}</p>;
  }
}

function Inline({ block, marked, answer }: { block: Block; marked: Marked[]; answer: Answer }) {
  const leaves = leavesOf(answer.text, block);
  const runs = runsOf(leaves, marked);
  return runs.map(({ claim, leaves: run }) => {
    const inside = run.map((leaf) => <LeafText answer={answer} key={leaf.start} leaf={leaf} />);
    const start = run[0]?.start;
    if (!claim) return <Fragment key={start}>{inside}</Fragment>;
    const { word } = supportWord(claim.verdict);
    return (
      <span className="claim" data-verdict={claim.verdict} key={start} title={word}>
        {inside}
        {claim.verdict !== "supported" && <span className="sr-only"> ({word})</span>}
      </span>
    );
  });
}

interface Run {
  claim: Claim | null;
  leaves: Leaf[];
}

/** Leaves cut at the ends of claims, and gathered by claim. Citations stand outside. */
function runsOf(leaves: Leaf[], marked: Marked[]): Run[] {
  const runs: Run[] = [];
  for (const leaf of leaves) {
    for (const piece of cutByClaims(leaf, marked)) {
      const at = marked.find((mark) => covers(mark, piece));
      const claim = at?.claim ?? null;
      const last = runs.at(-1);
      if (last && last.claim === claim) last.leaves.push(piece);
      else runs.push({ claim, leaves: [piece] });
    }
  }
  return runs;
}

const covers = (mark: Range, piece: Range) => mark.start <= piece.start && piece.end <= mark.end;

function cutByClaims(leaf: Leaf, marked: Marked[]): Leaf[] {
  const edges = marked
    .flatMap(({ start, end }) => [start, end])
    .filter((edge) => edge > leaf.start && edge < leaf.end);
  const cuts = [leaf.start, ...new Set(edges.sort((one, other) => one - other)), leaf.end];
  return cuts.slice(1).map((end, at) => ({ ...leaf, start: cuts[at] ?? leaf.start, end }));
}

function LeafText({ leaf, answer }: { leaf: Leaf; answer: Answer }): ReactNode {
  const text = answer.text.slice(leaf.start, leaf.end);
  switch (leaf.kind) {
    case "strong":
      return <strong className="font-semibold">{text}</strong>;
    case "emphasis":
      return <em>{text}</em>;
    case "code":
      return <code className="rounded bg-sunken px-1 py-0.5 font-mono text-[0.88em]">{text}</code>;
    case "citation":
      return <CitationChip answer={answer} number={leaf.number} />;
    default:
      return text;
  }
}

function CitationChip({ number, answer }: { number: number; answer: Answer }) {
  const cited = answer.citations.find((citation) => citation.number === number);
  if (!cited) {
    const title = answer.streaming ? undefined : "Nothing stands behind this number";
    return (
      <span
        className="mx-0.5 inline-block rounded border border-edge border-dashed px-1 align-[0.15em] text-ink-soft text-xs leading-4"
        title={title}
      >
        {number}
      </span>
    );
  }
  const open = answer.openNumber === number;
  return (
    <button
      aria-expanded={open}
      aria-label={`Source ${number}: ${cited.title || cited.document}`}
      className={`mx-0.5 inline-block min-w-5 rounded px-1 text-center align-[0.15em] font-semibold text-xs leading-5 ${
        open
          ? "bg-accent text-on-accent"
          : "bg-accent-wash text-accent hover:bg-accent hover:text-on-accent"
      }`}
      data-citation={number}
      onClick={() => answer.onOpen(number)}
      title={cited.title || cited.document}
      type="button"
    >
      {number}
    </button>
  );
}
