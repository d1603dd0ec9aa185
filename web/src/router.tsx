import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Link,
  lazyRouteComponent,
} from "@tanstack/react-router";
import type { FlagStatus } from "./api/types";
import { Page } from "./parts/Page";
import { Empty, Loading, Trouble } from "./parts/States";
import { Conversations } from "./playground/conversation";
import { Playground } from "./playground/Playground";
import { Shell } from "./shell/Shell";

const STATUSES: readonly FlagStatus[] = ["open", "reviewed", "dispatched"];

const root = createRootRoute({
  component: () => (
    <Conversations>
      <Shell />
    </Conversations>
  ),
  notFoundComponent: NoSuchPage,
});

const playground = createRoute({ getParentRoute: () => root, path: "/", component: Playground });

const ofUseCase = (search: Record<string, unknown>): { usecase?: string } =>
  typeof search.usecase === "string" && search.usecase ? { usecase: search.usecase } : {};

const exchanges = createRoute({
  getParentRoute: () => root,
  path: "/exchanges",
  validateSearch: ofUseCase,
  component: lazyRouteComponent(() => import("./exchanges/ExchangeList"), "ExchangeListPage"),
});

const exchange = createRoute({
  getParentRoute: () => root,
  path: "/exchanges/$exchangeId",
  component: lazyRouteComponent(() => import("./exchanges/ExchangeDetail"), "ExchangeDetailPage"),
});

const ledger = createRoute({
  getParentRoute: () => root,
  path: "/ledger",
  component: lazyRouteComponent(() => import("./ledger/Ledger"), "LedgerPage"),
});

const keys = createRoute({
  getParentRoute: () => root,
  path: "/keys",
  component: lazyRouteComponent(() => import("./keys/Keys"), "KeysPage"),
});

const usecases = createRoute({
  getParentRoute: () => root,
  path: "/usecases",
  component: lazyRouteComponent(() => import("./usecases/UseCases"), "UseCasesPage"),
});

const usecase = createRoute({
  getParentRoute: () => root,
  path: "/usecases/$name",
  component: lazyRouteComponent(() => import("./usecases/UseCaseDetail"), "UseCaseDetailPage"),
});

const providers = createRoute({
  getParentRoute: () => root,
  path: "/providers",
  component: lazyRouteComponent(() => import("./providers/Providers"), "ProvidersPage"),
});

const reviews = createRoute({
  getParentRoute: () => root,
  path: "/review",
  validateSearch: (search: Record<string, unknown>): { usecase?: string; status?: FlagStatus } => {
    const status = STATUSES.find((known) => known === search.status);
    return { ...ofUseCase(search), ...(status ? { status } : {}) };
  },
  component: lazyRouteComponent(() => import("./review/FlagList"), "FlagListPage"),
});

const review = createRoute({
  getParentRoute: () => root,
  path: "/review/$flagId",
  component: lazyRouteComponent(() => import("./review/FlagDetail"), "FlagDetailPage"),
});

const evaluation = createRoute({
  getParentRoute: () => root,
  path: "/evaluation",
  validateSearch: (search: Record<string, unknown>): { usecase?: string; run?: string } => ({
    ...ofUseCase(search),
    ...(typeof search.run === "string" && search.run ? { run: search.run } : {}),
  }),
  component: lazyRouteComponent(() => import("./evaluation/Evaluation"), "EvaluationPage"),
});

const costs = createRoute({
  getParentRoute: () => root,
  path: "/costs",
  validateSearch: ofUseCase,
  component: lazyRouteComponent(() => import("./costs/Costs"), "CostsPage"),
});

const readiness = createRoute({
  getParentRoute: () => root,
  path: "/readiness",
  validateSearch: ofUseCase,
  component: lazyRouteComponent(() => import("./readiness/Readiness"), "ReadinessPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    playground,
    usecases,
    usecase,
    providers,
    exchanges,
    exchange,
    ledger,
    keys,
    reviews,
    review,
    evaluation,
    costs,
    readiness,
  ]),
  scrollRestoration: true,
  defaultPendingComponent: () => (
    <Page title="Loading">
      <Loading what="the page" />
    </Page>
  ),
  defaultErrorComponent: BrokenPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NoSuchPage() {
  return (
    <Page title="No such page">
      <Empty title="There is nothing at this address.">
        <Link className="text-accent underline" to="/">
          Go to the playground
        </Link>
      </Empty>
    </Page>
  );
}

function BrokenPage({ error, reset }: ErrorComponentProps) {
  return (
    <Page title="This page broke">
      <Trouble error={error} onNext={reset} />
    </Page>
  );
}
