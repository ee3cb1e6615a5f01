//! Whom a token is about: its claims, as the configuration names them.

use serde_json::{Map, Value};
use vitrine_model::Role;
use vitrine_store::HostUser;

use super::TokenError;

/// Characters of what a host product may call a user or a tenant.
const MOST_ID_CHARS: usize = 200;

/// Characters of a name.
const MOST_NAME_CHARS: usize = 120;

/// Which claim says what; each is the name of a member at the top of the claims.
#[derive(Debug, Clone)]
pub(crate) struct ClaimNames {
    /// The user.
    pub(crate) user: String,
    /// Their tenant; empty puts everybody into the server's default tenant.
    pub(crate) tenant: String,
    /// Their name.
    pub(crate) name: String,
    /// Their role; empty leaves roles to Vitrine.
    pub(crate) role: String,
}

impl ClaimNames {
    /// Whom the claims are about. A tenant that is asked for and missing, and a role that is none of ours, refuse the token:
    /// falling back to something else could give somebody more than they have.
    pub(super) fn read(&self, issuer: &str, claims: &Map<String, Value>) -> Result<HostUser, TokenError> {
        let bad = |name: &str| TokenError::Claim(name.to_owned());
        let subject = id(claims, &self.user).ok_or_else(|| bad(&self.user))?;
        let tenant = match self.tenant.as_str() {
            "" => None,
            name => Some(id(claims, name).ok_or_else(|| bad(name))?),
        };
        let role = match claims.get(&self.role) {
            Some(claim) if !self.role.is_empty() => Some(role(claim).ok_or_else(|| bad(&self.role))?),
            _ => None,
        };
        let name = claims.get(&self.name).and_then(Value::as_str).map(printable);
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| printable(&subject));
        Ok(HostUser { issuer: issuer.to_owned(), subject, name, tenant, role })
    }
}

/// An id is a text or a whole number.
fn id(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match claims.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => return None,
    };
    let is_plain = !text.chars().any(char::is_control) && text.trim() == text;
    (is_plain && (1..=MOST_ID_CHARS).contains(&text.chars().count())).then_some(text)
}

/// A role, or the highest of a list that may have others' roles in it.
fn role(claim: &Value) -> Option<Role> {
    match claim {
        Value::String(text) => text.parse().ok(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).filter_map(|text| text.parse().ok()).max()
        }
        _ => None,
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_NAME_CHARS).collect::<String>().trim().to_owned()
}
