import { stageWord } from "@/format/words";
import { Icon } from "@/parts/Icon";

const PATH = ["poc", "pilot", "limited", "production"];

/** The way from proof of concept to production, with the stages that are served now. */
export function StagePath({ served }: { served: string[] }) {
  const furthest = Math.max(...served.map((stage) => PATH.indexOf(stage)));
  if (served.includes("retired")) return <p className="text-sm">Retired: it answers no more.</p>;
  return (
    <ol className="grid grid-cols-2 gap-2 sm:grid-cols-4">
      {PATH.map((stage, at) => {
        const here = served.includes(stage);
        const look = here
          ? "border-accent bg-accent-wash text-accent font-semibold"
          : "border-line text-ink-soft";
        return (
          <li
            aria-current={at === furthest ? "step" : undefined}
            className={`flex items-center gap-2 rounded-lg border px-3 py-2 text-sm ${look}`}
            key={stage}
          >
            {here ? (
              <Icon name="check" size={16} />
            ) : (
              <span className="w-4 tabular-nums">{at + 1}</span>
            )}
            {stageWord(stage)}
            {here && <span className="sr-only"> (served)</span>}
          </li>
        );
      })}
    </ol>
  );
}
