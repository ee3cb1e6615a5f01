// Who is signed in, and the way out.
import { useAuth } from "../lib/auth/auth-context";

export function AccountPage() {
  const { state, signOut } = useAuth();
  if (state.status !== "signed_in") return null;

  return (
    <>
      <h1 className="text-3xl font-semibold tracking-tight">Your account</h1>
      <dl className="mt-8 grid max-w-md grid-cols-[6rem_1fr] gap-y-3 border-y border-line py-5">
        <dt className="text-muted">Name</dt>
        <dd>{state.user.fullName ?? "Not given"}</dd>
        <dt className="text-muted">E-mail</dt>
        <dd>{state.user.email}</dd>
      </dl>
      <button type="button" onClick={signOut} className="mt-8 rounded-lg border border-line px-4 py-2 font-medium hover:border-accent">
        Sign out
      </button>
    </>
  );
}
