// Starts the page: theme, server state, sign-in, and the addresses.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Redirect, Route, Switch } from "wouter";
import { asProblem } from "./api/problem";
import { CrashGuard } from "./components/crash-guard";
import { applyTheme } from "./components/theme";
import { startLanguage } from "./i18n/i18n";
import { AuthGate } from "./pages/auth-gate";
import { HomePage } from "./pages/home-page";
import "./styles/tokens.css";
import "./styles/base.css";

const WorkspacePage = lazy(() => import("./pages/workspace-page"));
const MachinePage = lazy(() => import("./pages/machine/machine-page"));

const RETRIES = 3;

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A server on this machine answers without the internet.
      networkMode: "always",
      retry: (failures, error) => asProblem(error).isTransient && failures < RETRIES,
      staleTime: 5_000,
    },
    mutations: { networkMode: "always" },
  },
});

function Page() {
  return (
    <CrashGuard>
      <QueryClientProvider client={queryClient}>
        <AuthGate>
          <Suspense>
            <Switch>
              <Route path="/">
                <HomePage />
              </Route>
              <Route path="/apps/:app">
                {({ app }) => <WorkspacePage key={app} appId={decodeURIComponent(app)} />}
              </Route>
              <Route path="/machine">
                <MachinePage />
              </Route>
              <Route>
                <Redirect to="/" replace />
              </Route>
            </Switch>
          </Suspense>
        </AuthGate>
      </QueryClientProvider>
    </CrashGuard>
  );
}

applyTheme();
await startLanguage();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
