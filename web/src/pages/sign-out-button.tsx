import { useMutation } from "@tanstack/react-query";
import { signOut } from "../api/calls";
import { Button } from "../components/button";
import { strings } from "../strings";

export function SignOutButton() {
  // A fresh page: nothing of this person stays in memory.
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => location.assign("/") });
  return (
    <Button small onClick={() => leave.mutate()} disabled={leave.isPending}>
      {strings.signIn.signOut}
    </Button>
  );
}
