import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useState } from "react";
import { Client } from "@/api/client";
import { Problem } from "@/api/problem";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";
import { Mark } from "@/shell/Mark";
import { ThemeToggle } from "@/shell/ThemeToggle";
import { useEntrance } from "./session";

export function SignIn() {
  const { ended, enter } = useEntrance();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(ended);
  const field = useId();
  const help = useId();

  useEffect(() => {
    document.title = "Sign in · Passerelle";
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const given = key.trim();
    setBusy(true);
    setError(null);
    try {
      checkForm(given);
      queries.setQueryData(["me"], await new Client(given).me());
      enter(given);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <main className="grid min-h-dvh grid-rows-[1fr_auto] px-4">
      <div className="m-auto w-full max-w-sm py-10">
        <div className="mb-8 flex items-center gap-3">
          <Mark size={44} />
          <div>
            <p className="font-semibold text-xl leading-tight tracking-tight">Passerelle</p>
            <p className="text-ink-soft text-sm">From proof of concept to production</p>
          </div>
        </div>
        <form
          className="grid gap-4 rounded-2xl border border-line bg-surface p-5"
          onSubmit={submit}
        >
          <h1 className="font-semibold text-lg">Sign in</h1>
          <div className="grid gap-1.5">
            <label className="font-medium text-sm" htmlFor={field}>
              API key
            </label>
            <div className="flex gap-2">
              <input
                aria-describedby={help}
                aria-invalid={error !== null}
                autoCapitalize="off"
                autoComplete="off"
                autoCorrect="off"
                // biome-ignore lint/a11y/noAutofocus: the one field of the page
                autoFocus
                className="min-h-10 w-full min-w-0 rounded-lg border border-edge bg-paper px-3 font-mono text-sm"
                id={field}
                onChange={(change) => setKey(change.target.value)}
                placeholder="sk-dev-…"
                required
                spellCheck={false}
                type={shown ? "text" : "password"}
                value={key}
              />
              <Button
                aria-label={shown ? "Hide the key" : "Show the key"}
                aria-pressed={shown}
                className="size-10"
                onClick={() => setShown(!shown)}
                size="square"
              >
                <Icon name="eye" />
              </Button>
            </div>
            <p className="text-ink-soft text-xs" id={help}>
              The development key is printed at the start and kept in{" "}
              <code className="font-mono">.passerelle/development.key</code>. This tab forgets it
              when it is closed.
            </p>
          </div>
          {error !== null && <Refused error={error} />}
          <Button
            className="justify-center"
            disabled={busy || key.trim() === ""}
            look="primary"
            type="submit"
          >
            {busy ? "Checking…" : "Sign in"}
          </Button>
        </form>
      </div>
      <div className="flex justify-center pb-6">
        <ThemeToggle />
      </div>
    </main>
  );
}

function Refused({ error }: { error: unknown }) {
  const problem =
    error instanceof Problem
      ? error
      : new Problem(0, "unexpected", "Something unexpected went wrong.");
  const hint =
    problem.code === "unreachable"
      ? "Check that the gateway runs (make run), then try again."
      : problem.detail;
  return (
    <div className="rounded-lg bg-bad-wash px-3 py-2 text-sm" role="alert">
      <p className="font-medium text-bad">{problem.title}</p>
      {hint && <p>{hint}</p>}
      <p className="mt-1 font-mono text-bad text-xs">{problem.code}</p>
    </div>
  );
}

/** What cannot be a key is not sent anywhere: it may be a password pasted by mistake. */
function checkForm(key: string): void {
  if (/^sk-[!-~]+$/.test(key)) return;
  throw new Problem(
    0,
    "malformed_key",
    "This is not an API key of Passerelle.",
    "A key starts with sk- and has five parts; copy the whole line.",
  );
}
