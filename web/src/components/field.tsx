// A labelled input, select or text; its hint is read with it.
import { type ComponentProps, type ReactNode, useId } from "react";
import styles from "./field.module.css";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  children: (ids: { id: string; "aria-describedby": string | undefined }) => ReactNode;
}

function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-describedby": hintId })}
      {hint !== undefined && (
        <p id={hintId} className={styles.hint}>
          {hint}
        </p>
      )}
    </div>
  );
}

type Words = Pick<FieldProps, "label" | "hint">;

interface TextFieldProps extends Words, Omit<ComponentProps<"input">, "onChange" | "id"> {
  value: string;
  onText: (text: string) => void;
  /** True for names and addresses that machines read. */
  isCode?: boolean;
}

export function TextField({ label, hint, onText, isCode = false, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <input
          {...ids}
          type="text"
          autoComplete="off"
          className={isCode ? `${styles.input} ${styles.code}` : styles.input}
          {...(isCode && { spellCheck: false })}
          {...rest}
          onChange={(event) => onText(event.target.value)}
        />
      )}
    </Field>
  );
}

interface AreaFieldProps extends Words, Omit<ComponentProps<"textarea">, "onChange" | "id"> {
  value: string;
  onText: (text: string) => void;
}

export function AreaField({ label, hint, onText, ...rest }: AreaFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <textarea
          {...ids}
          className={`${styles.input} ${styles.code}`}
          spellCheck={false}
          rows={3}
          {...rest}
          onChange={(event) => onText(event.target.value)}
        />
      )}
    </Field>
  );
}

interface ChoiceFieldProps<Value extends string> extends Words {
  value: Value;
  options: readonly { value: Value; label: string }[];
  onChoose: (value: Value) => void;
  disabled?: boolean;
}

export function ChoiceField<Value extends string>(props: ChoiceFieldProps<Value>) {
  const { label, hint, value, options, onChoose, disabled = false } = props;
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select
          {...ids}
          className={styles.input}
          value={value}
          disabled={disabled}
          onChange={(event) => onChoose(event.target.value as Value)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
