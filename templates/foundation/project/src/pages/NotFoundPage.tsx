// For addresses that lead nowhere.
import { Link, useLocation } from "react-router";

export function NotFoundPage() {
  const { pathname } = useLocation();

  return (
    <>
      <h1 className="text-3xl font-semibold tracking-tight">There is no page here</h1>
      <p className="mt-3 text-muted">
        Nothing answers at {pathname}.{" "}
        <Link to="/" className="font-medium text-accent underline underline-offset-4">
          Go to the first page
        </Link>
      </p>
    </>
  );
}
