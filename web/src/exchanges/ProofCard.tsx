import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Proof } from "@/api/types";
import { counted, readableCount } from "@/format/figures";
import { Badge } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Card, Facts } from "@/parts/Page";
import { isIncluded } from "./inclusion";

/** Where the entry stands in the ledger, and a check that this browser does by itself. */
export function ProofCard({ proof }: { proof: Proof }) {
  const check = useMutation({ mutationFn: () => isIncluded(proof) });
  return (
    <Card
      actions={<CopyButton text={JSON.stringify(proof, null, 2)} what="proof" />}
      title="Ledger proof"
    >
      <div className="grid gap-4">
        <Facts
          rows={[
            ["Entry", readableCount(proof.sequence)],
            ["Its hash", <Hash key="hash">{proof.hash}</Hash>],
            ["Hash before", <Hash key="before">{proof.previous_hash}</Hash>],
            ["Checkpoint", `over ${counted(proof.checkpoint_size, "entry", "entries")}`],
            ["Root", <Hash key="root">{proof.root}</Hash>],
          ]}
        />
        <details className="text-sm">
          <summary className="font-medium">
            Inclusion path, {counted(proof.inclusion.length, "step")}
          </summary>
          <ol className="mt-2 grid gap-1">
            {proof.inclusion.map((step) => (
              <li key={step}>
                <Hash>{step}</Hash>
              </li>
            ))}
          </ol>
        </details>
        <details className="text-sm">
          <summary className="font-medium">Signed note</summary>
          <pre className="mt-2 whitespace-pre-wrap break-all rounded-lg bg-sunken p-3 font-mono text-xs">
            {proof.note}
          </pre>
        </details>
        <div className="flex flex-wrap items-center gap-3">
          <Button disabled={check.isPending} onClick={() => check.mutate()} size="small">
            Check the path here
          </Button>
          <span aria-live="polite" className="text-sm">
            {check.data === true && <Badge tone="good">The entry is in the ledger</Badge>}
            {check.data === false && <Badge tone="bad">The path does not lead to the root</Badge>}
            {check.isError && (
              <span className="text-ink-soft">
                This browser offers no SHA-256 here: open the console over HTTPS or on localhost.
              </span>
            )}
          </span>
        </div>
      </div>
    </Card>
  );
}

function Hash({ children }: { children: ReactNode }) {
  return <span className="break-all font-mono text-xs">{children}</span>;
}
