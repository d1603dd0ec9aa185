import { expect, test } from "vitest";
import { blocksOf, leavesOf } from "@/answer/markdown";
import { cutAt, merged, toUnits } from "@/answer/offsets";

const ANSWER = `# Title
First *line* with \`code\`
goes on [1].

- one **bold**
  - inner
12. twelve

> said

\`\`\`python
x = [1]
\`\`\`

| a | b |
|---|---|
`;

test("blocks keep their kind and their place in the source", () => {
  const found = blocksOf(ANSWER).map((block) => [
    block.kind,
    block.marker,
    block.level,
    ANSWER.slice(block.start, block.end),
  ]);
  expect(found).toEqual([
    ["heading", "", 1, "Title"],
    ["paragraph", "", 0, "First *line* with `code`\ngoes on [1]."],
    ["item", "•", 0, "one **bold**"],
    ["item", "•", 1, "inner"],
    ["item", "12.", 0, "twelve"],
    ["quote", "", 0, "said"],
    ["code", "", 0, "x = [1]"],
    ["table", "", 0, "| a | b |\n|---|---|"],
  ]);
});

test("leaves are the text without its marks", () => {
  const source = "Use **bold**, *soft*, `a*b*c`, [a link](https://example.org) and 2 * 3 * 4 [12].";
  const leaves = leavesOf(source, { start: 0, end: source.length });
  expect(leaves.map(({ kind, start, end }) => [kind, source.slice(start, end)])).toEqual([
    ["text", "Use "],
    ["strong", "bold"],
    ["text", ", "],
    ["emphasis", "soft"],
    ["text", ", "],
    ["code", "a*b*c"],
    ["text", ", "],
    ["text", "a link"],
    ["text", " and 2 * 3 * 4 "],
    ["citation", "12"],
    ["text", "."],
  ]);
  expect(leaves.find(({ kind }) => kind === "citation")?.number).toBe(12);
});

test("an open fence shows what it holds so far", () => {
  const source = "Text\n```\nstill open";
  expect(blocksOf(source).at(-1)).toMatchObject({ kind: "code", end: source.length });
});

test("a long answer of unclosed marks is read in a moment", () => {
  const source = "**a [b `c *d ".repeat(5_000);
  const began = performance.now();
  leavesOf(source, { start: 0, end: source.length });
  expect(performance.now() - began).toBeLessThan(2_000);
});

test("the server's characters are found among UTF-16 units", () => {
  const text = "a🙂b👩‍🚀c";
  const units = toUnits(text);
  expect(text.slice(units(2), units(3))).toBe("b");
  expect(text.slice(units([...text].indexOf("c")))).toBe("c");
  expect(units(999)).toBe(text.length);
  expect(toUnits("plain")(3)).toBe(3);
});

test("ranges that touch become one, and the rest stays unmarked", () => {
  const ranges = [
    { start: 4, end: 6 },
    { start: 0, end: 2 },
    { start: 5, end: 8 },
    { start: 9, end: 9 },
  ];
  expect(merged(ranges)).toEqual([
    { start: 0, end: 2 },
    { start: 4, end: 8 },
  ]);
  expect(cutAt("0123456789", ranges).map(({ marked }) => marked)).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
