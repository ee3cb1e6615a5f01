// Keeps the sign-in state; finds a stored sign-in when the app starts.
import { type ReactNode, useEffect, useState } from "react";
import * as client from "./auth-client";
import { type Auth, AuthContext, type AuthState } from "./auth-context";

const SIGNED_OUT: AuthState = { status: "signed_out" };

export function AuthProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<AuthState>({ status: "loading" });

  useEffect(() => {
    let isCurrent = true;
    client
      .currentUser()
      .catch(() => null)
      .then((user) => {
        if (isCurrent) setState(user ? { status: "signed_in", user } : SIGNED_OUT);
      });
    return () => {
      isCurrent = false;
    };
  }, []);

  const auth: Auth = {
    state,
    signIn: async (credentials) => setState({ status: "signed_in", user: await client.signIn(credentials) }),
    signUp: async (credentials, fullName) =>
      setState({ status: "signed_in", user: await client.signUp(credentials, fullName) }),
    signOut: async () => {
      await client.signOut();
      setState(SIGNED_OUT);
    },
  };

  return <AuthContext value={auth}>{children}</AuthContext>;
}
