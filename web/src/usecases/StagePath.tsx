import { stageWord } from "@/format/words";
import { Icon } from "@/parts/Icon";

const PATH = ["poc", "pilot", "limited", "production"];

/** The way from proof of concept to production: where the use case is, and what is served beside. */
export function StagePath({ current, served }: { current: string; served: string[] }) {
  if (current === "retired") return <p className="text-sm">Retired: it answers no more.</p>;
  return (
    <ol className="grid grid-cols-2 gap-2 sm:grid-cols-4">
      {PATH.map((stage, at) => {
        const here = stage === current;
        const look = here
          ? "border-accent bg-accent-wash text-accent"
          : "border-line text-ink-soft";
        return (
          <li
            aria-current={here ? "step" : undefined}
            className={`flex items-center gap-2.5 rounded-lg border px-3 py-2 text-sm ${look}`}
            key={stage}
          >
            {here ? (
              <Icon name="check" size={16} />
            ) : (
              <span className="w-4 text-center tabular-nums">{at + 1}</span>
            )}
            <span>
              <span className={here ? "block font-semibold" : "block"}>{stageWord(stage)}</span>
              <span className="block text-xs">{stateOf(stage, current, served)}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function stateOf(stage: string, current: string, served: string[]): string {
  if (stage === current) return "now";
  return served.includes(stage) ? "served on the side" : "not served";
}
