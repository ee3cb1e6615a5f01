// Pages below this one are for people who are signed in; others sign in first and come back.
import { Navigate, Outlet, useLocation } from "react-router";
import { useAuth } from "../lib/auth/auth-context";

export function RequireSignIn() {
  const { state } = useAuth();
  const location = useLocation();
  if (state.status === "loading") return <p className="text-muted">Looking for your sign-in…</p>;
  if (state.status === "signed_out") return <Navigate to="/sign-in" replace state={{ from: location.pathname }} />;
  return <Outlet />;
}
