// Lets nobody through but those signed in. Whoever is signed out later keeps the page with everything typed in it.

import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useRoute } from "wouter";
import { onSignedOut } from "../api/http";
import { asProblem } from "../api/problem";
import styles from "./auth-gate.module.css";
import { inviteCode } from "./invite-code";
import { ME, useMe } from "./use-me";

// Most visits need none of these: whoever is signed in does not wait for them.
const FirstRun = lazy(async () => ({ default: (await import("./first-run")).FirstRun }));
const InvitePanel = lazy(async () => ({ default: (await import("./invite-panel")).InvitePanel }));
const SignInPanel = lazy(async () => ({ default: (await import("./sign-in-panel")).SignInPanel }));

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
  if (invite !== undefined)
    return (
      <Suspense>
        <InvitePanel code={invite} />
      </Suspense>
    );
  if (me.data === undefined)
    return <Suspense>{signedOut ? <SignInPanel /> : <Connecting failing={me.failureCount > 0} />}</Suspense>;
  const isOffered = !me.data.user.has_password && me.data.actor.kind === "browser";
  return (
    <>
      <Suspense>
        {signedOut && <SignInPanel again />}
        {isHome && !signedOut && isOffered && <FirstRun me={me.data} />}
      </Suspense>
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
