import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ApiKey, IssuedKey } from "@/api/types";
import { counted, readableDay, wholeMoment } from "@/format/figures";
import { codeWord } from "@/format/words";
import { Badge, Tag, type Tone } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Card, Facts, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { IssuedCard } from "./IssuedCard";
import { Limits } from "./Limits";
import { NewKeyCard } from "./NewKeyCard";
import { type KeyState, stateOf } from "./state";

export function KeysPage() {
  const { may } = useSession();
  const [making, setMaking] = useState(false);
  const [issued, setIssued] = useState<IssuedKey | null>(null);
  const begin = () => {
    setIssued(null);
    setMaking(true);
  };
  const done = (key: IssuedKey) => {
    setMaking(false);
    setIssued(key);
  };
  return (
    <Page
      about="Who may ask, in which roles, until when, and how much of their limits is taken."
      actions={
        may("key:create") &&
        !making && (
          <Button look="primary" onClick={begin}>
            New key
          </Button>
        )
      }
      title="Keys"
    >
      <div className="grid gap-4">
        {making && <NewKeyCard onCancel={() => setMaking(false)} onDone={done} />}
        {issued && <IssuedCard issued={issued} onClose={() => setIssued(null)} />}
        <KeyList />
      </div>
    </Page>
  );
}

function KeyList() {
  const { client } = useSession();
  const [onlyActive, setOnlyActive] = useState(false);
  const keys = useQuery({ queryKey: ["keys"], queryFn: ({ signal }) => client.keys(signal) });
  if (keys.isPending) return <Loading lines={8} what="the keys" />;
  if (keys.isError) return <Trouble error={keys.error} onNext={() => keys.refetch()} />;
  const active = keys.data.filter((key) => stateOf(key) === "active");
  const shown = onlyActive ? active : keys.data;
  return (
    <Card
      actions={
        <label className="flex items-center gap-2 text-ink-soft text-sm">
          <input
            checked={onlyActive}
            className="accent-accent"
            onChange={(change) => setOnlyActive(change.target.checked)}
            type="checkbox"
          />
          Only active ones
        </label>
      }
      title={`${counted(keys.data.length, "key")}, ${active.length} active`}
    >
      {shown.length === 0 && <Empty title="No key to show." />}
      <ul className="grid divide-y divide-line">
        {shown.map((key) => (
          <KeyLine key={key.public_id} of={key} />
        ))}
      </ul>
    </Card>
  );
}

const LOOK: Record<KeyState, { tone: Tone; word: string }> = {
  active: { tone: "good", word: "Active" },
  expired: { tone: "warn", word: "Expired" },
  revoked: { tone: "neutral", word: "Revoked" },
};

function KeyLine({ of: key }: { of: ApiKey }) {
  const { me, may } = useSession();
  const [asking, setAsking] = useState(false);
  const state = stateOf(key);
  return (
    <li className="grid gap-3 py-4 first:pt-1 last:pb-0" data-key={key.public_id}>
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <h3 className="break-words font-medium">{key.label}</h3>
          <p className="break-all font-mono text-ink-soft text-xs">{key.public_id}</p>
        </div>
        <div className="flex flex-wrap items-center gap-1.5">
          {key.principal === me.id && <Tag>You use it now</Tag>}
          <Badge tone={LOOK[state].tone}>{LOOK[state].word}</Badge>
          {state === "active" && may("key:revoke") && !asking && (
            <Button look="quiet" onClick={() => setAsking(true)} size="small">
              Revoke
            </Button>
          )}
        </div>
      </div>
      {asking && <Revoking of={key} onEnd={() => setAsking(false)} />}
      <div className="grid items-start gap-x-8 gap-y-4 md:grid-cols-2">
        <Facts
          rows={[
            ["Roles", key.roles.map(codeWord).join(", ")],
            [
              codeWord(key.kind),
              <span className="break-all font-mono text-xs">{key.principal}</span>,
            ],
            ["Valid", <Life key="life" of={key} />],
          ]}
        />
        <Limits of={key} />
      </div>
    </li>
  );
}

function Life({ of: key }: { of: ApiKey }) {
  const until = key.revoked_at_ms ?? key.expires_at_ms;
  return (
    <>
      {until === null && "since "}
      <Day at={key.created_at_ms} />
      {until === null && ", does not expire"}
      {until !== null && (
        <>
          {" to "}
          <Day at={until} />
        </>
      )}
    </>
  );
}

function Day({ at }: { at: number }) {
  return <time title={wholeMoment(at)}>{readableDay(at)}</time>;
}

function Revoking({ of: key, onEnd }: { of: ApiKey; onEnd: () => void }) {
  const { client, me } = useSession();
  const queries = useQueryClient();
  const revoking = useMutation({
    mutationFn: () => client.revokeKey(key.public_id),
    onSuccess: () => {
      onEnd();
      return queries.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const own = key.principal === me.id;
  return (
    <section
      aria-label={`Revoke ${key.label}`}
      className="grid gap-3 rounded-lg bg-sunken px-4 py-3 text-sm"
    >
      <p>
        Whoever uses it is refused from then on, and it cannot be brought back.
        {own && " You use it now, so this signs you out."}
      </p>
      {revoking.isError && <Trouble error={revoking.error} />}
      <p className="flex flex-wrap gap-2">
        <Button
          disabled={revoking.isPending}
          look="primary"
          onClick={() => revoking.mutate()}
          size="small"
        >
          {revoking.isPending ? "Revoking…" : "Revoke this key"}
        </Button>
        <Button onClick={onEnd} size="small">
          Keep it
        </Button>
      </p>
    </section>
  );
}
