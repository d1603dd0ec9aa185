import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { DocumentRow } from "@/api/types";
import { counted, readableCount } from "@/format/figures";
import { sentenceCase } from "@/format/words";
import { Badge } from "@/parts/Badge";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

const READ = "indexed";

export function Documents({ usecase }: { usecase: string }) {
  const { client } = useSession();
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const documents = useQuery({
    queryKey: ["documents", usecase],
    queryFn: ({ signal }) => client.documents(usecase, signal),
  });
  if (documents.isPending) return <Loading lines={6} what="the documents" />;
  if (documents.isError) {
    return <Trouble error={documents.error} onNext={() => documents.refetch()} />;
  }
  if (documents.data.length === 0) {
    return (
      <Empty title="No document yet.">Put files into its knowledge folder, then ingest.</Empty>
    );
  }
  const troubled = documents.data.filter(({ status }) => status !== READ);
  const shown = onlyTrouble ? troubled : documents.data;
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2 text-ink-soft text-sm">
        <span>
          {counted(documents.data.length, "document")}, {readableCount(troubled.length)} not in use
        </span>
        {troubled.length > 0 && (
          <label className="flex items-center gap-2">
            <input
              checked={onlyTrouble}
              className="accent-accent"
              onChange={(change) => setOnlyTrouble(change.target.checked)}
              type="checkbox"
            />
            Only those not in use
          </label>
        )}
      </div>
      <ul className="grid divide-y divide-line">
        {shown.map((document) => (
          <DocumentLine document={document} key={document.path} />
        ))}
      </ul>
    </div>
  );
}

function DocumentLine({ document }: { document: DocumentRow }) {
  const read = document.status === READ;
  return (
    <li className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 py-2.5 text-sm">
      <div className="min-w-0 flex-1 basis-64">
        <p className="break-words font-medium">{document.title || document.path}</p>
        <p className="break-all font-mono text-ink-soft text-xs">{document.path}</p>
        {document.reason && <p className="mt-0.5 text-bad">{document.reason}</p>}
      </div>
      <div className="flex items-baseline gap-3">
        {read ? (
          <span className="text-ink-soft tabular-nums">
            {counted(document.passages, "passage")}
          </span>
        ) : (
          <Badge tone="bad">{sentenceCase(document.status.replaceAll("_", " "))}</Badge>
        )}
      </div>
    </li>
  );
}
