import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { Client } from "@/api/client";
import { Problem } from "@/api/problem";
import { Button } from "@/parts/Button";
import { Loading, Trouble } from "@/parts/States";
import { SignIn } from "./SignIn";
import { SessionProvider, useEntrance } from "./session";

/** Shows the console to who is signed in, the sign-in to everybody else. The address stays. */
export function Gate({ children }: { children: ReactNode }) {
  const { key, leave } = useEntrance();
  const me = useQuery({
    queryKey: ["me"],
    queryFn: ({ signal }) => new Client(key).me(signal),
    enabled: key !== "",
    staleTime: 5 * 60_000,
  });
  const { error } = me;

  useEffect(() => {
    if (error instanceof Problem && error.status === 401) leave(error);
  }, [error, leave]);

  if (key === "") return <SignIn />;
  if (me.data) return <SessionProvider me={me.data}>{children}</SessionProvider>;
  return (
    <main className="mx-auto grid max-w-md gap-4 px-4 py-24">
      {me.isError ? (
        <>
          <Trouble error={me.error} onNext={() => me.refetch()} />
          <Button onClick={() => leave(null)}>Sign out</Button>
        </>
      ) : (
        <Loading what="your profile" />
      )}
    </main>
  );
}
