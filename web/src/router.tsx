import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Link,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { Page } from "./parts/Page";
import { Empty, Loading, Trouble } from "./parts/States";
import { Conversations } from "./playground/conversation";
import { Playground } from "./playground/Playground";
import { Shell } from "./shell/Shell";

const root = createRootRoute({
  component: () => (
    <Conversations>
      <Shell />
    </Conversations>
  ),
  notFoundComponent: NoSuchPage,
});

const playground = createRoute({ getParentRoute: () => root, path: "/", component: Playground });

const exchanges = createRoute({
  getParentRoute: () => root,
  path: "/exchanges",
  validateSearch: (search: Record<string, unknown>): { usecase?: string } =>
    typeof search.usecase === "string" && search.usecase ? { usecase: search.usecase } : {},
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

export const router = createRouter({
  routeTree: root.addChildren([playground, exchanges, exchange, ledger, usecases, usecase]),
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
