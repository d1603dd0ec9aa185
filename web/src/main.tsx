import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/problem";
import { router } from "./router";
import { Gate } from "./session/Gate";
import { EntranceProvider } from "./session/session";
import "./style.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      // What was refused stays refused; what was unreachable may come back.
      retry: (failures, error) =>
        failures < 1 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <EntranceProvider>
          <Gate>
            <RouterProvider router={router} />
          </Gate>
        </EntranceProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
