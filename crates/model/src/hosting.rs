//! How a published app is served, as its owner sets it.

use serde::{Deserialize, Serialize};

/// Which unknown addresses are answered with the app's page. Only ever navigations: a missing asset is a 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The page, unless the artifact has a `404.html` or pages besides `index.html`.
    #[default]
    Auto,
    /// Always the page: the app has its own router.
    Page,
    /// Never: unknown addresses are 404.
    NotFound,
}

/// The settings of one app. Those not given are Vitrine's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostingSettings {
    /// True to answer every visitor with a page that says the app is paused.
    pub paused: bool,
    /// What unknown addresses are answered with.
    pub fallback: Fallback,
    /// The whole `Content-Security-Policy` in place of the strict default; the frame rules are added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_security_policy: Option<String>,
    /// Origins whose pages may frame the app; nobody may by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_ancestors: Vec<String>,
    /// Members added to the runtime configuration, for example `{"support_email": "…"}`. Visible to every visitor.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub runtime_config: serde_json::Map<String, serde_json::Value>,
}
