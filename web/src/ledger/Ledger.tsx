import { useMutation, useQuery } from "@tanstack/react-query";
import type { LedgerHead, LedgerVerification } from "@/api/types";
import { counted, readableCount, wholeMoment } from "@/format/figures";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Icon } from "@/parts/Icon";
import { Card, Facts, Page } from "@/parts/Page";
import { Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

export function LedgerPage() {
  const { client } = useSession();
  const head = useQuery({
    queryKey: ["ledger"],
    queryFn: ({ signal }) => client.ledger(signal),
    refetchInterval: 15_000,
  });
  const verification = useMutation({
    mutationFn: () => client.verifyLedger(),
    onSettled: () => head.refetch(),
  });
  return (
    <Page
      about="What happened, and the proof that nobody has changed it. Each entry carries the hash of the one before; a Merkle tree over all of them is signed."
      actions={
        <Button
          disabled={verification.isPending}
          look="primary"
          onClick={() => verification.mutate()}
        >
          {verification.isPending ? "Verifying…" : "Verify now"}
        </Button>
      }
      title="Ledger"
    >
      <div className="grid gap-4">
        <div aria-live="polite">
          {verification.isError && <Trouble error={verification.error} />}
          {verification.data && <Result verification={verification.data} />}
        </div>
        {head.isPending && <Loading what="the ledger" />}
        {head.isError && <Trouble error={head.error} onNext={() => head.refetch()} />}
        {head.data && <Head head={head.data} />}
      </div>
    </Page>
  );
}

function Head({ head }: { head: LedgerHead }) {
  const { checkpoint } = head;
  return (
    <>
      <Card>
        <p className="font-semibold text-3xl tabular-nums tracking-tight">
          {readableCount(head.entries)}
        </p>
        <p className="text-ink-soft text-sm">
          {head.entries === 1 ? "entry" : "entries"} on record
        </p>
      </Card>
      <Card
        actions={checkpoint.note && <CopyButton text={checkpoint.note} what="signed note" />}
        title="Newest checkpoint"
      >
        <div className="grid gap-4">
          <Facts
            rows={[
              ["Covers", counted(checkpoint.size, "entry", "entries")],
              ["Signed", checkpoint.at_ms ? wholeMoment(checkpoint.at_ms) : "–"],
              [
                "Key",
                <span className="break-all font-mono text-xs" key="key">
                  {checkpoint.key_id}
                </span>,
              ],
              [
                "Root",
                <span className="break-all font-mono text-xs" key="root">
                  {head.root}
                </span>,
              ],
            ]}
          />
          {checkpoint.note && (
            <pre className="whitespace-pre-wrap break-all rounded-lg bg-sunken p-3 font-mono text-xs">
              {checkpoint.note}
            </pre>
          )}
        </div>
      </Card>
      <p className="max-w-prose text-ink-soft text-sm">
        To prove it without this server, run{" "}
        <code className="rounded bg-sunken px-1 font-mono text-xs">passerelle ledger verify</code>{" "}
        on a copy of its data.
      </p>
    </>
  );
}

function Result({ verification }: { verification: LedgerVerification }) {
  const { ok, entries, faults, erased, checkpoints } = verification;
  const tone = ok ? "bg-good-wash text-good" : "bg-bad-wash text-bad";
  return (
    <div className={`rounded-xl px-4 py-3 ${tone}`}>
      <p className="flex items-center gap-2 font-semibold">
        <Icon name={ok ? "check" : "cross"} />
        {ok ? "The ledger holds" : `The ledger does not hold: ${counted(faults.length, "fault")}`}
      </p>
      <p className="text-ink text-sm">
        Proved {counted(entries, "entry", "entries")} under {counted(checkpoints, "checkpoint")};{" "}
        {counted(erased, "content")} erased on record.
      </p>
      {faults.length > 0 && (
        <ul className="mt-2 list-disc pl-5 text-ink text-sm">
          {faults.map((fault) => (
            <li className="break-words" key={fault}>
              {fault}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
