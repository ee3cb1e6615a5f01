// Buttons: with words, or a picture with a name.
import type { ComponentProps } from "react";
import styles from "./button.module.css";
import { Icon, type IconName } from "./icon";

interface ButtonProps extends ComponentProps<"button"> {
  look?: "plain" | "primary" | "danger";
  small?: boolean;
}

export function Button({ look = "plain", small = false, type = "button", ...rest }: ButtonProps) {
  const className = [styles.button, look !== "plain" && styles[look], small && styles.small];
  return <button type={type} className={className.filter(Boolean).join(" ")} {...rest} />;
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children" | "aria-label"> {
  icon: IconName;
  /** Its name, read aloud and shown on hover. */
  label: string;
  small?: boolean;
}

export function IconButton({ icon, label, small = false, ...rest }: IconButtonProps) {
  const className = small ? `${styles.icon} ${styles.small}` : styles.icon;
  return (
    <button type="button" className={className} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

interface IconLinkProps extends Omit<ComponentProps<"a">, "children" | "aria-label"> {
  icon: IconName;
  label: string;
  href: string;
}

export function IconLink({ icon, label, href, ...rest }: IconLinkProps) {
  return (
    <a href={href} className={styles.icon} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </a>
  );
}
