// Who is in a file, as small marks beside its name.
import type { Person } from "@vitrine/client/channel";
import { useTranslation } from "react-i18next";
import { initialsOf, namesOf, toneOf } from "./people";
import styles from "./presence.module.css";

/** More would not leave room for the name. */
const SHOWN = 2;

export function PeopleMarks({ people }: { people: readonly Person[] | undefined }) {
  const { t, i18n } = useTranslation("files");
  if (!people || people.length === 0) return null;
  const words = t("here", { names: namesOf(people, i18n.language) });
  return (
    <span className={styles.marks} role="img" aria-label={words} title={words} data-testid="people-here">
      {people.slice(0, SHOWN).map((person) => (
        <span key={person.client_id} className={styles.mark} data-tone={toneOf(person)}>
          {initialsOf(person.name).slice(0, 1)}
        </span>
      ))}
    </span>
  );
}
