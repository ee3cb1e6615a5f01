// The pages and their addresses. Hash addresses (#/notes) work on every static host and below every path.
import { HashRouter, Route, Routes } from "react-router";
import { Layout } from "./components/Layout";
import { RequireSignIn } from "./components/RequireSignIn";
import { AuthProvider } from "./lib/auth/AuthProvider";
import { AccountPage } from "./pages/AccountPage";
import { HomePage } from "./pages/HomePage";
import { NotesPage } from "./pages/NotesPage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { SignInPage } from "./pages/SignInPage";
import { SignUpPage } from "./pages/SignUpPage";

export function App() {
  return (
    <AuthProvider>
      <HashRouter>
        <Routes>
          <Route element={<Layout name="Groundwork" />}>
            <Route index element={<HomePage headline="The ground is laid. Build on it." />} />
            <Route path="notes" element={<NotesPage />} />
            <Route path="sign-in" element={<SignInPage />} />
            <Route path="sign-up" element={<SignUpPage />} />
            <Route element={<RequireSignIn />}>
              <Route path="account" element={<AccountPage />} />
            </Route>
            <Route path="*" element={<NotFoundPage />} />
          </Route>
        </Routes>
      </HashRouter>
    </AuthProvider>
  );
}
