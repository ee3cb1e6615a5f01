// Where messages appear, once in the page; nothing of it is loaded before the first one.
import { lazy, Suspense } from "react";
import { useToastsWanted } from "./toast";

const Toasts = lazy(() => import("./toasts"));

export function ToastHost() {
  const isWanted = useToastsWanted();
  return <Suspense>{isWanted && <Toasts />}</Suspense>;
}
