import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Meaning, Readiness, Signature } from "@/api/types";
import { wholeMoment } from "@/format/figures";
import { codeWord, stageWord } from "@/format/words";
import { Badge, Tag, type Tone } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { TextArea } from "@/parts/Field";
import { Card } from "@/parts/Page";
import { Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

const STANDINGS: Record<Signature["standing"], { word: string; tone: Tone }> = {
  fresh: { word: "Fresh", tone: "good" },
  missing: { word: "Missing", tone: "neutral" },
  rejected: { word: "Rejected", tone: "bad" },
  stale: { word: "Stale", tone: "warn" },
};

/** One line a role: does its word hold, and if not, why? */
export function Signatures({ report }: { report: Readiness }) {
  return (
    <Card title="Signatures">
      <ul className="grid divide-y divide-line">
        {report.signatures.map((signature) => (
          <SignatureLine key={signature.role} report={report} signature={signature} />
        ))}
      </ul>
      <p className="mt-3 text-ink-soft text-xs">
        A signature is bound to the release and the evidence as they are; when either changes, it is
        stale.
      </p>
    </Card>
  );
}

function SignatureLine({ signature, report }: { signature: Signature; report: Readiness }) {
  const { me, may } = useSession();
  const [signing, setSigning] = useState(false);
  const { role, standing, signoff, reasons, needed } = signature;
  const { word, tone } = STANDINGS[standing];
  const mine = may("readiness:sign") && me.roles.includes(role);
  return (
    <li className="grid gap-1.5 py-3 text-sm first:pt-0 last:pb-0" data-role={role}>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="font-medium">{codeWord(role)}</p>
        <span className="flex flex-wrap gap-1.5">
          {!needed && <Tag>Not needed yet</Tag>}
          <Badge tone={tone}>{word}</Badge>
        </span>
      </div>
      {reasons.map((reason) => (
        <p className="break-words" key={reason}>
          {reason}
        </p>
      ))}
      {signoff && (
        <p className="break-words text-ink-soft text-xs">
          {signoff.meaning === "approve" ? "Approved" : "Rejected"} for {stageWord(signoff.stage)}{" "}
          by <span className="break-all">{signoff.principal}</span>, {wholeMoment(signoff.at_ms)}: “
          {signoff.reason}”
        </p>
      )}
      {mine && !signing && (
        <Button className="justify-self-start" onClick={() => setSigning(true)} size="small">
          {standing === "fresh" ? "Sign again" : "Sign"}
        </Button>
      )}
      {signing && (
        <SignForm onDone={() => setSigning(false)} role={role} usecase={report.usecase} />
      )}
    </li>
  );
}

function SignForm({
  usecase,
  role,
  onDone,
}: {
  usecase: string;
  role: string;
  onDone: () => void;
}) {
  const { client } = useSession();
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const signing = useMutation({
    mutationFn: (meaning: Meaning) =>
      client.sign({ usecase, role, meaning, reason: reason.trim() }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["readiness", usecase] });
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signing.mutate("approve");
  };
  const ready = reason.trim() !== "" && !signing.isPending;
  return (
    <form className="mt-1 grid gap-3 rounded-lg bg-sunken p-3" onSubmit={submit}>
      <TextArea
        about="Kept with your signature."
        label="What do you rest it on?"
        maxLength={2000}
        onChange={(change) => setReason(change.target.value)}
        required
        value={reason}
      />
      {signing.isError && <Trouble error={signing.error} />}
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onDone} size="small">
          Cancel
        </Button>
        <Button disabled={!ready} onClick={() => signing.mutate("reject")} size="small">
          Reject
        </Button>
        <Button disabled={!ready} look="primary" size="small" type="submit">
          Approve
        </Button>
      </div>
    </form>
  );
}
