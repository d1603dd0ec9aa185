// Contrast ratios of the palette (WCAG 2.2, relative luminance), light and dark.
// Fails when a pair is below what its use asks for, or README.md shows other figures.
// `--quiet` prints faults only.
import { readFileSync } from "node:fs";

const TEXT = 4.5;
const SHAPE = 3;
const PAIRS = [
  ["ink", "paper", TEXT],
  ["ink", "surface", TEXT],
  ["ink", "sunken", TEXT],
  ["ink", "accent-wash", TEXT],
  ["ink", "highlight", TEXT],
  ["ink-soft", "paper", TEXT],
  ["ink-soft", "surface", TEXT],
  ["ink-soft", "sunken", TEXT],
  ["accent", "paper", TEXT],
  ["accent", "surface", TEXT],
  ["accent", "accent-wash", TEXT],
  ["on-accent", "accent", TEXT],
  ["on-accent", "accent-strong", TEXT],
  ["good", "good-wash", TEXT],
  ["good", "surface", TEXT],
  ["warn", "warn-wash", TEXT],
  ["warn", "surface", TEXT],
  ["bad", "bad-wash", TEXT],
  ["bad", "surface", TEXT],
  ["bad", "paper", TEXT],
  ["edge", "surface", SHAPE],
  ["edge", "paper", SHAPE],
];

const css = readFileSync(new URL("../src/palette.css", import.meta.url), "utf8");
const colours = Object.fromEntries(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, ...both]) => [
    name,
    both,
  ]),
);

function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const rows = PAIRS.map(([front, back, needed]) => ({
  front,
  back,
  needed,
  ratios: [0, 1].map((theme) => contrast(colours[front][theme], colours[back][theme])),
}));
const faults = rows.filter(({ ratios, needed }) => ratios.some((ratio) => ratio < needed));

// Rounded down, so that no ratio looks better than it is.
const shown = (ratio) => (Math.floor(ratio * 100) / 100).toFixed(2);
const table = [
  "| text or shape | on | needed | light | dark |",
  "|---|---|--:|--:|--:|",
  ...rows.map(
    ({ front, back, needed, ratios }) =>
      `| ${[front, back, needed, ...ratios.map(shown)].join(" | ")} |`,
  ),
].join("\n");

if (!process.argv.includes("--quiet")) console.log(table);
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
if (!readme.includes(table)) {
  console.error("README.md shows another table: put the output of npm run contrast there.");
  process.exitCode = 1;
}
for (const { front, back, needed, ratios } of faults) {
  console.error(`${front} on ${back} needs ${needed}, has ${ratios.map((r) => r.toFixed(2))}`);
}
if (faults.length > 0) process.exitCode = 1;
