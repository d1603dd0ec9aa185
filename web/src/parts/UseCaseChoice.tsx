import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useSession } from "@/session/session";

/** Names of the use cases that the reader may see, each once. */
export function useUseCaseNames() {
  const { client } = useSession();
  return useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
    select: (usecases) => [...new Set(usecases.map(({ name }) => name))],
  });
}

export function UseCaseChoice({
  value,
  onChoose,
  all = false,
}: {
  value: string;
  onChoose: (usecase: string) => void;
  /** May it be all of them? */
  all?: boolean;
}) {
  const names = useUseCaseNames();
  const known = new Set(names.data ?? []);
  if (value) known.add(value);
  return (
    <Choice label="Use case" onChoose={onChoose} value={value}>
      {all && <option value="">All</option>}
      {[...known].map((name) => (
        <option key={name}>{name}</option>
      ))}
    </Choice>
  );
}

export function Choice({
  label,
  value,
  onChoose,
  children,
}: {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  children: React.ReactNode;
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 items-center gap-2">
      <label className="whitespace-nowrap text-ink-soft text-sm" htmlFor={id}>
        {label}
      </label>
      <select
        className="min-h-9 min-w-0 max-w-full rounded-lg border border-edge bg-surface px-2 text-sm"
        id={id}
        onChange={(change) => onChoose(change.target.value)}
        value={value}
      >
        {children}
      </select>
    </div>
  );
}
