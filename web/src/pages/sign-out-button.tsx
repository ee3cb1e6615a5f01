import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { signOut } from "../api/calls";
import { Button } from "../components/button";

export function SignOutButton() {
  const { t } = useTranslation("account");
  // A fresh page: nothing of this person stays in memory.
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => location.assign("/") });
  return (
    <Button small onClick={() => leave.mutate()} disabled={leave.isPending}>
      {t("signIn.signOut")}
    </Button>
  );
}
