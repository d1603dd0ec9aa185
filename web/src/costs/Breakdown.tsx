import { useState } from "react";
import type { Costs, NamedVolume } from "@/api/types";
import { counted, readableCount, readableUsd } from "@/format/figures";
import { codeWord } from "@/format/words";
import { Button } from "@/parts/Button";
import { Card } from "@/parts/Page";

const AXES = ["Use case", "Route", "Day", "Purpose", "User", "Tokens"] as const;
type Axis = (typeof AXES)[number];

interface Row {
  name: string;
  nano: number | null;
  cells: string[];
}

const PAGE = 15;

/** The same total, taken apart in six ways. */
export function Breakdown({ costs }: { costs: Costs }) {
  const [axis, setAxis] = useState<Axis>("Use case");
  const [all, setAll] = useState(false);
  const rows = rowsOf(costs, axis);
  const shown = all ? rows : rows.slice(0, PAGE);
  const most = Math.max(1, ...rows.map(({ nano }) => nano ?? 0));
  const heads = axis === "Tokens" ? ["Tokens"] : ["Requests", "Answered", "Accepted"];
  return (
    <Card
      actions={
        <fieldset className="flex flex-wrap gap-1">
          <legend className="sr-only">Taken apart by</legend>
          {AXES.map((name) => (
            <label
              className="rounded-lg border border-transparent px-2.5 py-1 text-ink-soft text-sm has-checked:border-accent has-checked:bg-accent-wash has-checked:font-medium has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-accent"
              key={name}
            >
              <input
                checked={axis === name}
                className="sr-only"
                name="axis"
                onChange={() => setAxis(name)}
                type="radio"
              />
              {name}
            </label>
          ))}
        </fieldset>
      }
      title="Where it went"
    >
      <Table axis={axis} heads={heads} most={most} rows={shown} />
      {rows.length > shown.length && (
        <div className="mt-3 flex justify-center">
          <Button onClick={() => setAll(true)} size="small">
            Show all, {counted(rows.length - shown.length, "row")} more
          </Button>
        </div>
      )}
      <p className="mt-3 text-ink-soft text-xs">
        {axis === "User" && "Live requests only. "}
        {axis === "Tokens" &&
          "Recorded costs, shared out in the proportions of today's prices; the sum is exact. "}
        Prices of {costs.price_book}; days in {costs.time_zone}.
      </p>
    </Card>
  );
}

function Table({
  axis,
  heads,
  rows,
  most,
}: {
  axis: Axis;
  heads: string[];
  rows: Row[];
  most: number;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <section aria-label="Costs in a table" className="overflow-x-auto" tabIndex={0}>
      <table className="w-full text-sm">
        <thead>
          <tr className="border-line border-b text-left text-ink-soft text-xs">
            <th className="py-2 pr-3 font-medium" scope="col">
              {axis}
            </th>
            <th className="w-1/4 py-2 pr-3 font-medium max-sm:hidden" scope="col">
              <span className="sr-only">Compared</span>
            </th>
            <th className="py-2 text-right font-medium" scope="col">
              Cost
            </th>
            {heads.map((head) => (
              <th className="py-2 pl-3 text-right font-medium" key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, nano, cells }) => (
            <tr className="border-line not-last:border-b" key={name}>
              <th className="max-w-64 py-2 pr-3 text-left font-normal" scope="row">
                <span className={axis === "Day" ? "whitespace-nowrap" : "break-words"}>{name}</span>
              </th>
              <td className="py-2 pr-3 max-sm:hidden">
                <span
                  className="block h-2 rounded-full bg-accent"
                  style={{ width: `${(100 * (nano ?? 0)) / most}%` }}
                />
              </td>
              <td className="whitespace-nowrap py-2 text-right tabular-nums">
                {readableUsd(nano)}
              </td>
              {cells.map((cell, at) => (
                <td className="py-2 pl-3 text-right tabular-nums" key={heads[at]}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function rowsOf(costs: Costs, axis: Axis): Row[] {
  switch (axis) {
    case "Use case":
      return costs.by_usecase.map(volumeRow);
    case "Route":
      return costs.by_route.map((row) => ({ ...volumeRow(row), name: row.name || "No model" }));
    case "Day":
      return costs.by_day.map(volumeRow);
    case "Purpose":
      return costs.by_purpose.map((row) => ({ ...volumeRow(row), name: codeWord(row.name) }));
    case "User":
      return costs.users.map(volumeRow);
    default:
      return tokenRows(costs);
  }
}

const volumeRow = (volume: NamedVolume): Row => ({
  name: volume.name,
  nano: volume.cost_nano_usd,
  cells: [volume.requests, volume.answered, volume.accepted].map(readableCount),
});

function tokenRows(costs: Costs): Row[] {
  const known = Map.groupBy(
    costs.lines,
    ({ token_class, cost_nano_usd }) =>
      `${codeWord(token_class)}${cost_nano_usd === null ? ", price not known" : ""}`,
  );
  return [...known].map(([name, lines]) => {
    const tokens = lines.reduce((sum, line) => sum + line.tokens, 0);
    const priced = lines.every(({ cost_nano_usd }) => cost_nano_usd !== null);
    const nano = lines.reduce((sum, line) => sum + (line.cost_nano_usd ?? 0), 0);
    return { name, nano: priced ? nano : null, cells: [readableCount(tokens)] };
  });
}
