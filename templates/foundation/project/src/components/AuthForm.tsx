// The frame of the sign-in and sign-up forms: sends once at a time and shows what went wrong.
import { type FormEvent, type ReactNode, useState } from "react";
import { Link } from "react-router";
import { type RuntimeError, toRuntimeError } from "../lib/runtime/errors";
import { Problem } from "./Problem";

interface AuthFormProps {
  title: string;
  action: string;
  otherWay: { question: string; label: string; to: string };
  onSubmit: () => Promise<void>;
  children: ReactNode;
}

export function AuthForm({ title, action, otherWay, onSubmit, children }: AuthFormProps) {
  const [error, setError] = useState<RuntimeError | null>(null);
  const [isSending, setIsSending] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setIsSending(true);
    setError(null);
    try {
      await onSubmit();
    } catch (thrown) {
      setError(toRuntimeError(thrown));
      setIsSending(false);
    }
  }

  return (
    <div className="mx-auto max-w-sm">
      <h1 className="text-3xl font-semibold tracking-tight">{title}</h1>
      <form onSubmit={submit} className="mt-8 space-y-5">
        {error && <Problem error={error} />}
        {children}
        <button
          type="submit"
          disabled={isSending}
          className="h-11 w-full rounded-lg bg-accent font-medium text-on-accent disabled:opacity-60"
        >
          {isSending ? "One moment…" : action}
        </button>
      </form>
      <p className="mt-6 text-muted">
        {otherWay.question}{" "}
        <Link to={otherWay.to} className="font-medium text-accent underline underline-offset-4">
          {otherWay.label}
        </Link>
      </p>
    </div>
  );
}
