// The frame around every page.
import { NavLink, Outlet } from "react-router";
import { useAuth } from "../lib/auth/auth-context";
import { useDisplayName } from "../lib/runtime/use-display-name";

export function Layout({ name }: { name: string }) {
  const displayName = useDisplayName(name);

  return (
    <div className="flex min-h-dvh flex-col">
      <header className="border-b border-line">
        <div className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-8 gap-y-2 px-6 py-4">
          <NavLink to="/" className="flex items-center gap-2.5 font-semibold tracking-tight">
            <svg viewBox="0 0 24 24" aria-hidden="true" className="size-6 text-accent" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round">
              <path d="M3 19h18M6 13h12M9 7h6" />
            </svg>
            {displayName}
          </NavLink>
          <nav aria-label="Pages" className="-ml-3 flex flex-1 items-center gap-1 sm:ml-0">
            <PageLink to="/notes">Notes</PageLink>
            <span className="flex-1" />
            <AccountLinks />
          </nav>
        </div>
      </header>
      <main className="mx-auto w-full max-w-5xl flex-1 px-6 py-12 md:py-20">
        <Outlet />
      </main>
      <footer className="mx-auto w-full max-w-5xl px-6 py-8 text-sm text-muted">{displayName}</footer>
    </div>
  );
}

function AccountLinks() {
  const { state } = useAuth();
  if (state.status === "signed_in") return <PageLink to="/account">{state.user.fullName ?? state.user.email}</PageLink>;
  return (
    <>
      <PageLink to="/sign-in">Sign in</PageLink>
      <NavLink to="/sign-up" className="rounded-lg bg-accent px-3.5 py-1 font-medium text-on-accent">
        Sign up
      </NavLink>
    </>
  );
}

function PageLink({ to, children }: { to: string; children: string }) {
  return (
    <NavLink to={to} className="rounded-lg px-3 py-1 text-muted hover:text-ink aria-[current=page]:text-ink">
      {children}
    </NavLink>
  );
}
