// Who is using the app, for every component below AuthProvider.
import { createContext, useContext } from "react";
import type { Credentials, User } from "./auth-client";

export type AuthState = { status: "loading" } | { status: "signed_out" } | { status: "signed_in"; user: User };

export interface Auth {
  state: AuthState;
  /** Rejects with a RuntimeError, as does `signUp`. */
  signIn: (credentials: Credentials) => Promise<void>;
  signUp: (credentials: Credentials, fullName: string) => Promise<void>;
  signOut: () => Promise<void>;
}

export const AuthContext = createContext<Auth | null>(null);

export function useAuth(): Auth {
  const auth = useContext(AuthContext);
  if (auth === null) throw new Error("useAuth needs an AuthProvider above it.");
  return auth;
}
