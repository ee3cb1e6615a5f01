// Lets nobody through but those signed in. Whoever is signed out later keeps the page with everything typed in it.

import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useRoute } from "wouter";
import { onSignedOut } from "../api/http";
import { asProblem } from "../api/problem";
import styles from "./auth-gate.module.css";
import { FirstRun } from "./first-run";
import { InvitePanel, inviteCode } from "./invite-panel";
import { SignInPanel } from "./sign-in-panel";
import { ME, useMe } from "./use-me";

export function AuthGate({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const me = useMe();
  // A workspace fills the screen, and whoever is there is at work.
  const [isHome] = useRoute("/");
  const signedOut = me.error !== null && asProblem(me.error).status === 401;

  useEffect(
    () =>
      onSignedOut(() => {
        const known = queryClient.getQueryState(ME);
        // Not when the answer is to this very question.
        if (known?.status === "success" && known.fetchStatus === "idle")
          void queryClient.invalidateQueries({ queryKey: ME });
      }),
    [queryClient],
  );

  const invite = inviteCode();
  if (invite !== undefined) return <InvitePanel code={invite} />;
  if (me.data === undefined)
    return signedOut ? <SignInPanel /> : <Connecting failing={me.failureCount > 0} />;
  return (
    <>
      {signedOut && <SignInPanel again />}
      {isHome && !signedOut && <FirstRun me={me.data} />}
      {children}
    </>
  );
}

function Connecting({ failing }: { failing: boolean }) {
  const { t } = useTranslation("account");
  // Said only once there is something to say: a first answer takes milliseconds.
  return (
    <p className={styles.connecting} role="status">
      {failing && t("signIn.connecting")}
    </p>
  );
}
