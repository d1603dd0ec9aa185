import { useQuery } from "@tanstack/react-query";
import type { DocumentRow, UseCase } from "@/api/types";
import { counted } from "@/format/figures";
import { useSession } from "@/session/session";

const OFFERED = 4;

/** What the use case is for, and questions to start with. */
export function Examples({
  usecase,
  onAsk,
}: {
  usecase: UseCase;
  onAsk: (question: string) => void;
}) {
  const { client, may } = useSession();
  const given = usecase.examples;
  const documents = useQuery({
    queryKey: ["documents", usecase.name],
    queryFn: ({ signal }) => client.documents(usecase.name, signal),
    enabled: given.length === 0 && may("knowledge:read"),
  });
  const questions = given.length > 0 ? given : questionsAbout(documents.data ?? []);
  return (
    <div className="pt-[6vh]">
      <h2 className="font-semibold text-2xl tracking-tight">Ask {usecase.title}</h2>
      <p className="mt-2 max-w-prose text-ink-soft">{usecase.goal}</p>
      <p className="mt-2 text-ink-soft text-sm">
        It answers from {counted(usecase.documents, "document")} and says where each answer stands.
      </p>
      {questions.length > 0 && (
        <ul aria-label="Example questions" className="mt-8 grid gap-2 sm:grid-cols-2">
          {questions.slice(0, OFFERED).map((question) => (
            <li key={question}>
              <button
                className="h-full w-full rounded-xl border border-line bg-surface px-4 py-3 text-left text-sm transition-colors hover:border-accent hover:bg-accent-wash"
                onClick={() => onAsk(question)}
                type="button"
              >
                {question}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Without questions of its own, a use case is asked about its longest documents. */
function questionsAbout(documents: DocumentRow[]): string[] {
  return documents
    .filter(({ passages, title }) => passages > 0 && title !== "")
    .sort((one, other) => other.passages - one.passages)
    .map(({ title }) => `What is “${title}” about?`);
}
