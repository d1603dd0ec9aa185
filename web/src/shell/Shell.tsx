import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";
import { useSession } from "@/session/session";
import { Mark } from "./Mark";
import { NAVIGATION } from "./navigation";
import { ThemeToggle } from "./ThemeToggle";

/** Navigation beside the page on wide screens, behind a button on narrow ones. */
export function Shell() {
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
      <a
        className="sr-only z-50 rounded-lg bg-accent px-4 py-2 font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        href="#page"
      >
        Skip to the page
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-line border-r bg-surface px-3 py-4 lg:flex">
        <Brand />
        <Navigation />
        <Account />
      </aside>
      <NarrowBar />
      <main className="min-w-0" id="page" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function Brand() {
  return (
    <Link className="flex items-center gap-2.5 rounded-lg px-2 py-1" to="/">
      <Mark />
      <span className="font-semibold text-lg tracking-tight">Passerelle</span>
    </Link>
  );
}

function Navigation() {
  const { may } = useSession();
  return (
    <nav aria-label="Pages" className="mt-6 grid flex-1 content-start gap-5 overflow-y-auto">
      {NAVIGATION.map(({ group, pages }) => {
        const open = pages.filter((page) => may(page.needs));
        if (open.length === 0) return null;
        return (
          <div key={group}>
            <p className="px-3 pb-1 font-medium text-ink-soft text-xs">{group}</p>
            <ul className="grid gap-0.5">
              {open.map(({ to, label, icon }) => (
                <li key={label}>
                  <Link
                    activeOptions={{ exact: to === "/" }}
                    activeProps={{ className: "bg-accent-wash text-accent font-semibold" }}
                    className="flex min-h-10 items-center gap-2.5 rounded-lg px-3 text-sm hover:bg-sunken"
                    inactiveProps={{ className: "text-ink" }}
                    to={to}
                  >
                    <Icon name={icon} />
                    {label}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function Account() {
  const { me, signOut } = useSession();
  return (
    <div className="grid gap-3 border-line border-t px-1 pt-4">
      <div className="min-w-0 px-2 text-sm">
        <p className="truncate font-medium">{me.name}</p>
        <p className="truncate text-ink-soft text-xs">
          {[...new Set([me.organisation, me.team])].join(" · ")}
        </p>
        <p className="truncate text-ink-soft text-xs">{me.roles.join(", ").replaceAll("_", " ")}</p>
      </div>
      <div className="flex items-center justify-between">
        <ThemeToggle />
        <Button look="quiet" onClick={signOut} size="small">
          <Icon name="out" size={16} />
          Sign out
        </Button>
      </div>
    </div>
  );
}

function NarrowBar() {
  const menu = useRef<HTMLDialogElement>(null);
  const { pathname } = useLocation();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes
  useEffect(() => {
    menu.current?.close();
  }, [pathname]);

  return (
    <header className="sticky top-0 z-20 flex items-center justify-between border-line border-b bg-surface px-3 py-2 lg:hidden">
      <Brand />
      <Button
        aria-haspopup="dialog"
        aria-label="Menu"
        look="quiet"
        onClick={() => menu.current?.showModal()}
        size="square"
      >
        <Icon name="menu" size={22} />
      </Button>
      <Drawer ref={menu}>
        <Navigation />
        <Account />
      </Drawer>
    </header>
  );
}

function Drawer({
  ref,
  children,
}: {
  ref: React.RefObject<HTMLDialogElement | null>;
  children: ReactNode;
}) {
  return (
    <dialog
      aria-label="Menu"
      className="mr-0 ml-auto h-dvh max-h-none w-72 max-w-[85vw] bg-surface p-3 shadow-xl"
      closedby="any"
      ref={ref}
    >
      <div className="flex h-full flex-col">
        <div className="flex justify-end">
          <Button
            aria-label="Close the menu"
            look="quiet"
            onClick={() => ref.current?.close()}
            size="square"
          >
            <Icon name="cross" />
          </Button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
