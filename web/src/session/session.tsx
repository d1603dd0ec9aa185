import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { Client } from "@/api/client";
import type { Problem } from "@/api/problem";
import type { Me, Permission } from "@/api/types";

// The key lives as long as the tab: never in localStorage, never in a cookie.
const KEY = "passerelle.key";

export interface Session {
  client: Client;
  me: Me;
  may: (permission: Permission) => boolean;
  signOut: () => void;
}

interface Entrance {
  key: string;
  /** Why the last session ended; null when it was the reader's wish. */
  ended: Problem | null;
  enter: (key: string) => void;
  leave: (problem: Problem | null) => void;
}

const EntranceContext = createContext<Entrance | null>(null);
const SessionContext = createContext<Session | null>(null);

export function EntranceProvider({ children }: { children: ReactNode }) {
  const [key, setKey] = useState(() => sessionStorage.getItem(KEY) ?? "");
  const [ended, setEnded] = useState<Problem | null>(null);
  const queries = useQueryClient();

  const entrance = useMemo<Entrance>(
    () => ({
      key,
      ended,
      enter(next) {
        sessionStorage.setItem(KEY, next);
        setEnded(null);
        setKey(next);
      },
      leave(problem) {
        sessionStorage.removeItem(KEY);
        queries.clear();
        setEnded(problem);
        setKey("");
      },
    }),
    [key, ended, queries],
  );
  return <EntranceContext value={entrance}>{children}</EntranceContext>;
}

export function SessionProvider({ me, children }: { me: Me; children: ReactNode }) {
  const { key, leave } = useEntrance();
  const session = useMemo<Session>(
    () => ({
      client: new Client(key, leave),
      me,
      may: (permission) => me.permissions.includes(permission),
      signOut: () => leave(null),
    }),
    [key, leave, me],
  );
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useEntrance(): Entrance {
  const entrance = useContext(EntranceContext);
  if (!entrance) throw new Error("useEntrance outside of EntranceProvider");
  return entrance;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of SessionProvider");
  return session;
}
