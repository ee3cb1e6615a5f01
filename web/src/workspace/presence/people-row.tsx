// The others in the app, as letters in a circle; pressing one goes to where they are.
import type { Person } from "@vitrine/client/channel";
import { useTranslation } from "react-i18next";
import { initialsOf, toneOf } from "./people";
import styles from "./presence.module.css";

/** As many as there is room for. */
const SHOWN = 4;

interface PeopleRowProps {
  people: readonly Person[];
  onFollow: (person: Person) => void;
}

export function PeopleRow({ people, onFollow }: PeopleRowProps) {
  const { t } = useTranslation("presence");
  if (people.length === 0) return null;
  const rest = people.length - SHOWN;
  return (
    <ul className={styles.row} aria-label={t("label")} data-testid="people">
      {people.slice(0, SHOWN).map((person) => {
        const { name, file } = person;
        const words = file === undefined ? name : t("follow", { name, file });
        return (
          <li key={person.client_id}>
            <button
              type="button"
              className={styles.person}
              data-tone={toneOf(person)}
              aria-label={words}
              title={words}
              disabled={file === undefined}
              onClick={() => onFollow(person)}
            >
              {initialsOf(name)}
            </button>
          </li>
        );
      })}
      {rest > 0 && <li className={styles.rest}>{t("more", { count: rest })}</li>}
    </ul>
  );
}
