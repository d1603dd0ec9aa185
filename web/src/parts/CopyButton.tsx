import { useEffect, useState } from "react";
import { Button } from "./Button";
import { Icon } from "./Icon";

/** Copies a text and says so. `what` names it: "proof", "exchange id". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<"ready" | "copied" | "refused">("ready");

  useEffect(() => {
    if (state === "ready") return;
    const timer = setTimeout(() => setState("ready"), 2500);
    return () => clearTimeout(timer);
  }, [state]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("refused");
    }
  };
  const said = { ready: `Copy ${what}`, copied: "Copied", refused: "Copying is not allowed here" };
  return (
    <Button look="plain" onClick={copy} size="small">
      <Icon name={state === "copied" ? "check" : "copy"} size={15} />
      <span aria-live="polite">{said[state]}</span>
    </Button>
  );
}
