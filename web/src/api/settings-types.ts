// The wire types of what the settings show, from `/v1`.
import type { Me } from "./types";

export type Role = Me["role"];

export interface Member {
  user_id: string;
  name: string;
  /** Absent for people whom a host product signs in, and until one is chosen. */
  email?: string;
  role: Role;
  joined_at: string;
}

export interface Invite {
  id: string;
  note: string;
  role: Role;
  created_at: string;
  expires_at: string;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  role: Role;
  /** Absent: all of the tenant's. */
  apps?: string[];
  created_at: string;
  expires_at?: string;
  last_used_at?: string;
  revoked_at?: string;
}

export interface NewKey {
  name: string;
  role: Role;
  apps?: string[];
  expires_in_secs?: number;
}

export type Environment = "development" | "preview" | "production";
export type SecretTarget = "dev" | "build";

export interface SecretView {
  name: string;
  version: number;
  targets: SecretTarget[];
  fingerprint: string;
  updated_at: string;
}

export interface VariableView extends Omit<SecretView, "fingerprint"> {
  value: string;
}

export interface SecretValue {
  value: string;
  targets: SecretTarget[];
}

export interface PreviewLink {
  id: string;
  label?: string;
  created_at: string;
  expires_at: string;
  has_password: boolean;
  visits: number;
  last_visit_at?: string;
}

export interface NewPreviewLink {
  label?: string;
  expires_in_secs?: number;
  password?: string;
}

export interface EgressView {
  mode: "listed" | "off";
  destinations: string[];
  today: { allowed: number; refused: number; failed: number; bytes_out: number; bytes_in: number };
}

export type QuotaName = "apps" | "sessions" | "builds" | "storage_bytes" | "egress_bytes";

export interface QuotaUse {
  quota: QuotaName;
  used: number;
  limit?: number;
}

export interface UsageDay {
  /** In UTC, as `2026-11-21`. */
  day: string;
  requests: number;
  bytes: number;
}
