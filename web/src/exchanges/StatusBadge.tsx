import { guardWord } from "@/format/words";
import { Badge, type Tone } from "@/parts/Badge";

const CLIENT_LEFT = 499;

/** What the caller got: an answer, a refusal with its code, or nothing because it left. */
export function StatusBadge({ status, code }: { status: number; code: string }) {
  const [tone, words] = wordsFor(status, code);
  return <Badge tone={tone}>{words}</Badge>;
}

function wordsFor(status: number, code: string): [Tone, string] {
  if (status >= 200 && status < 300) return ["good", "Answered"];
  if (status === CLIENT_LEFT) return ["neutral", "Client left"];
  const reason = code ? `: ${guardWord(code)}` : "";
  return [status >= 500 ? "bad" : "warn", `${status}${reason}`];
}
