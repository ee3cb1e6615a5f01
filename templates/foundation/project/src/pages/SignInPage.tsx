// Sign in, then go back to the page that asked for it.
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { AuthForm } from "../components/AuthForm";
import { Field } from "../components/Field";
import { useAuth } from "../lib/auth/auth-context";

export function SignInPage() {
  const auth = useAuth();
  const navigate = useNavigate();
  const from: unknown = useLocation().state?.from;
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  async function submit() {
    await auth.signIn({ email, password });
    navigate(typeof from === "string" ? from : "/", { replace: true });
  }

  return (
    <AuthForm
      title="Welcome back"
      action="Sign in"
      otherWay={{ question: "New here?", label: "Make an account", to: "/sign-up" }}
      onSubmit={submit}
    >
      <Field
        label="E-mail"
        type="email"
        required
        autoComplete="email"
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <Field
        label="Password"
        type="password"
        required
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </AuthForm>
  );
}
