import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { IssuedKey, NewKey, Role } from "@/api/types";
import { codeWord } from "@/format/words";
import { Button } from "@/parts/Button";
import { Input } from "@/parts/Field";
import { Card } from "@/parts/Page";
import { Trouble } from "@/parts/States";
import { Choice } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";
import { LIMITS, type Limit, type Written, written } from "./written";

const ROLES: Role[] = [
  "end_user",
  "reviewer",
  "developer",
  "business_owner",
  "security",
  "compliance",
  "administrator",
];
const LIVES = [
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
  ["", "never"],
] as const;

/** A key for a new principal, which may do no more than who makes it. */
export function NewKeyCard({
  onDone,
  onCancel,
}: {
  onDone: (issued: IssuedKey) => void;
  onCancel: () => void;
}) {
  const { client } = useSession();
  const queries = useQueryClient();
  const [label, setLabel] = useState("");
  const [kind, setKind] = useState<NewKey["kind"]>("service");
  const [roles, setRoles] = useState<Role[]>(["end_user"]);
  const [days, setDays] = useState<string>(LIVES[1][0]);
  const [limits, setLimits] = useState<Written>({});
  const making = useMutation({
    mutationFn: () =>
      client.createKey({
        label: label.trim(),
        kind,
        roles,
        expires_in_days: days ? Number(days) : null,
        budget: written(limits),
      }),
    onSuccess: (issued) => {
      onDone(issued);
      return queries.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    making.mutate();
  };
  return (
    <Card title="New key">
      <form className="grid gap-4" onSubmit={submit}>
        <Input
          about="Also the name of who is behind it."
          autoFocus
          label="Label"
          maxLength={120}
          onChange={(change) => setLabel(change.target.value)}
          required
          value={label}
        />
        <div className="flex flex-wrap gap-x-6 gap-y-3">
          <Choice
            label="For"
            onChoose={(chosen) => setKind(chosen === "person" ? "person" : "service")}
            value={kind}
          >
            <option value="service">a service</option>
            <option value="person">a person</option>
          </Choice>
          <Choice label="Expires" onChoose={setDays} value={days}>
            {LIVES.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </Choice>
        </div>
        <Roles chosen={roles} onChoose={setRoles} />
        <LimitFields limits={limits} onChange={setLimits} />
        {making.isError && <Trouble error={making.error} />}
        <p className="flex flex-wrap gap-2">
          <Button
            disabled={making.isPending || !label.trim() || roles.length === 0}
            look="primary"
            type="submit"
          >
            {making.isPending ? "Creating…" : "Create key"}
          </Button>
          <Button onClick={onCancel}>Cancel</Button>
        </p>
      </form>
    </Card>
  );
}

function Roles({ chosen, onChoose }: { chosen: Role[]; onChoose: (roles: Role[]) => void }) {
  return (
    <fieldset>
      <legend className="font-medium text-sm">Roles</legend>
      <div className="mt-1.5 flex flex-wrap gap-x-5 gap-y-2 text-sm">
        {ROLES.map((role) => (
          <label className="flex items-center gap-2" key={role}>
            <input
              checked={chosen.includes(role)}
              className="accent-accent"
              onChange={(change) =>
                onChoose(
                  change.target.checked
                    ? [...chosen, role]
                    : chosen.filter((other) => other !== role),
                )
              }
              type="checkbox"
            />
            {codeWord(role)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function LimitFields({
  limits,
  onChange,
}: {
  limits: Written;
  onChange: (limits: Written) => void;
}) {
  return (
    <details className="rounded-lg bg-sunken px-3 py-2 text-sm">
      <summary>Limits</summary>
      <p className="mt-2 text-ink-soft text-xs">What is left empty is not limited; 0 is nothing.</p>
      <div className="mt-3 grid gap-3 pb-1 sm:grid-cols-2">
        {(Object.keys(LIMITS) as Limit[]).map((limit) => (
          <Input
            key={limit}
            label={LIMITS[limit]}
            min={0}
            onChange={(change) => onChange({ ...limits, [limit]: change.target.value })}
            step={limit.endsWith("usd") ? "any" : 1}
            type="number"
            value={limits[limit] ?? ""}
          />
        ))}
      </div>
    </details>
  );
}
