// Make an account; the new person is signed in at once.
import { useState } from "react";
import { useNavigate } from "react-router";
import { AuthForm } from "../components/AuthForm";
import { Field } from "../components/Field";
import { MIN_PASSWORD_LENGTH } from "../lib/auth/auth-client";
import { useAuth } from "../lib/auth/auth-context";

export function SignUpPage() {
  const auth = useAuth();
  const navigate = useNavigate();
  const [fullName, setFullName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  async function submit() {
    await auth.signUp({ email, password }, fullName);
    navigate("/", { replace: true });
  }

  return (
    <AuthForm
      title="Make an account"
      action="Sign up"
      otherWay={{ question: "Already have one?", label: "Sign in", to: "/sign-in" }}
      onSubmit={submit}
    >
      <Field label="Name" autoComplete="name" value={fullName} onChange={(event) => setFullName(event.target.value)} />
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
        minLength={MIN_PASSWORD_LENGTH}
        autoComplete="new-password"
        hint={`At least ${MIN_PASSWORD_LENGTH} characters.`}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </AuthForm>
  );
}
