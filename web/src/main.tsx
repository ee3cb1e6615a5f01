// Starts the page: theme, server state, sign-in, and the addresses.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";
import { Redirect, Route, Switch } from "wouter";
import { asProblem } from "./api/problem";
import { CommandCenter } from "./commands/command-center";
import { CrashGuard } from "./components/crash-guard";
import { applyTheme } from "./components/theme";
import { ToastHost } from "./components/toast-host";
import { startLanguage } from "./i18n/i18n";
import { AuthGate } from "./pages/auth-gate";
import "./styles/tokens.css";
import "./styles/base.css";

const HomePage = lazy(() => import("./pages/home/home-page"));
const AppSettingsPage = lazy(() => import("./pages/app-settings-page"));
const WorkspacePage = lazy(() => import("./pages/workspace-page"));
const SettingsPage = lazy(() => import("./pages/settings/settings-page"));
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
  // Another language draws everything anew, also what asks for its words outside of components.
  useTranslation();
  return (
    <CrashGuard>
      <QueryClientProvider client={queryClient}>
        <AuthGate>
          <CommandCenter />
          <Suspense>
            <Switch>
              <Route path="/">
                <HomePage />
              </Route>
              <Route path="/apps/:app/settings/:tab?">
                {({ app, tab }) => (
                  <AppSettingsPage key={app} appId={decodeURIComponent(app)} tab={tab ?? ""} />
                )}
              </Route>
              <Route path="/apps/:app">
                {({ app }) => <WorkspacePage key={app} appId={decodeURIComponent(app)} />}
              </Route>
              <Route path="/settings/:tab?">{({ tab }) => <SettingsPage tab={tab ?? ""} />}</Route>
              <Route path="/machine">
                <MachinePage />
              </Route>
              <Route>
                <Redirect to="/" replace />
              </Route>
            </Switch>
          </Suspense>
        </AuthGate>
        <ToastHost />
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
