//! Signing a browser in and out, and choosing what to sign in with.

use std::net::IpAddr;

use vitrine_model::{Sha256, TenantId, UserId};
use vitrine_store::{Accepted, Account, Joining, NewBrowserSession, Scope, StoreError};

use super::passwords::{HashError, WeakPassword, check_password};
use super::throttle::TooMany;
use super::{Auth, Caller, mint_code};

/// How long a browser stays signed in.
const SIGNED_IN_SECS: i64 = 30 * 24 * 3_600;

/// Bytes of an email, by RFC 5321.
const MOST_EMAIL_BYTES: usize = 254;

/// How somebody proved who they are when a browser was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By the link of the ready line.
    Link,
    /// By the admin key.
    AdminKey,
    /// By their email and password.
    Password,
}

impl Proof {
    const ALL: [Self; 3] = [Self::Link, Self::AdminKey, Self::Password];

    /// The word in the database and in the audit log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::AdminKey => "admin_key",
            Self::Password => "password",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.as_str() == word)
    }

    /// Whether whoever has given this proof may set a new password without the old one: who holds the server's own key can
    /// do anything to it already, and this is how a forgotten password is replaced.
    pub(crate) fn replaces_password(self) -> bool {
        self.is_servers_own()
    }

    /// True for what only somebody has who can read the server's log or its data directory.
    pub(crate) fn is_servers_own(self) -> bool {
        self != Self::Password
    }
}

/// Why somebody is not signed in, or has no new password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// One answer for an unknown email, an account without a password and a wrong password. Whose password it is not, if it
    /// is anybody's email, is for their tenant's log alone.
    #[error("the email or the password is wrong")]
    Wrong(Option<UserId>),
    #[error("this is not the admin key of this server")]
    WrongKey,
    #[error("too many tries; try again in {0} seconds")]
    TooMany(u64),
    #[error("too many people sign in at this moment; try again in a second")]
    Busy,
    #[error("an email looks like somebody@example.com")]
    InvalidEmail,
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error("a password could not be hashed: {0}")]
    Hashing(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TooMany> for SignInError {
    fn from(TooMany(secs): TooMany) -> Self {
        Self::TooMany(secs)
    }
}

impl From<HashError> for SignInError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed(reason) => Self::Hashing(reason),
        }
    }
}

/// An email as it is kept: trimmed, in lower case. Whether anybody reads it is not known.
fn checked_email(text: &str) -> Result<String, SignInError> {
    let email = text.trim().to_lowercase();
    let has_both_halves = email
        .split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    match has_both_halves && is_plain && email.len() <= MOST_EMAIL_BYTES {
        true => Ok(email),
        false => Err(SignInError::InvalidEmail),
    }
}

impl Auth {
    /// A link's code that signs a browser in as the operator once, soon; a new one makes the last one worthless.
    pub(crate) fn issue_code(&self) -> String {
        self.link.issue(self.clock.now(), self.entropy.as_ref())
    }

    /// Uses a link's code up.
    pub(crate) fn redeem_code(&self, code: &str) -> bool {
        self.link.redeem(self.clock.now(), code)
    }

    /// Signs a browser in; returns the `Set-Cookie` value.
    pub(crate) async fn open_browser(&self, scope: &Scope, proof: Proof) -> Result<String, StoreError> {
        let (text, token) = mint_code(self.entropy.as_ref());
        let new = NewBrowserSession {
            token,
            proof: proof.as_str().to_owned(),
            expires_at: self.clock.now().plus_secs(SIGNED_IN_SECS),
        };
        self.store.open_browser_session(scope, new).await?;
        Ok(self.cookies.write(&text, SIGNED_IN_SECS))
    }

    /// Signs a browser out; returns the `Set-Cookie` value.
    pub(crate) async fn close_browser(&self, token: &Sha256) -> Result<String, StoreError> {
        self.store.close_browser_session(token).await?;
        self.forget();
        Ok(self.no_cookie())
    }

    /// Signs a user out in every browser; returns the `Set-Cookie` value.
    pub(crate) async fn close_browsers(&self, user: &UserId) -> Result<String, StoreError> {
        self.store.close_browser_sessions(user).await?;
        self.forget();
        Ok(self.no_cookie())
    }

    /// The `Set-Cookie` value that takes the cookie away.
    pub(crate) fn no_cookie(&self) -> String {
        self.cookies.write("", 0)
    }

    /// Whose email and password these are. Takes as long, and counts as a try, whether there is such an account or not.
    pub(crate) async fn check_login(
        &self,
        email: &str,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<Account, SignInError> {
        let email = checked_email(email).map_err(|_| SignInError::Wrong(None))?;
        self.throttle.count(&email, from)?;
        let account = self.store.account_by_email(&email).await?;
        let kept = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let is_right = self.passwords.verify(password, kept).await?;
        match account {
            Some(account) if is_right => {
                self.throttle.succeeded(&email, from);
                Ok(account)
            }
            other => Err(SignInError::Wrong(other.map(|account| account.user))),
        }
    }

    /// Whether this is the admin key. Counts as a try of the address, and of nobody else.
    pub(crate) fn check_admin_key(&self, key: &str, from: Option<IpAddr>) -> Result<(), SignInError> {
        self.throttle.count_address(from)?;
        match self.is_admin_key(key) {
            true => {
                self.throttle.address_succeeded(from);
                Ok(())
            }
            false => Err(SignInError::WrongKey),
        }
    }

    /// True for the first few misses at an account in an hour: those are written down.
    pub(crate) fn is_worth_noting(&self, user: &UserId) -> bool {
        self.throttle.is_worth_noting(user)
    }

    /// Sets what the person of a browser signs in with from now on, and signs them out in all their other browsers. Whoever
    /// has a password gives it, unless they came with the server's own key.
    pub(crate) async fn set_password(
        &self,
        caller: &Caller,
        browser: &Sha256,
        change: PasswordChange<'_>,
    ) -> Result<(), SignInError> {
        let account = self.store.account(&caller.scope.user).await?;
        let email = match change.email {
            Some(email) => checked_email(email)?,
            None => account.email.clone().ok_or(SignInError::InvalidEmail)?,
        };
        check_password(change.new, &email)?;
        let needs_current =
            account.password_hash.is_some() && !caller.proof.is_some_and(super::Proof::replaces_password);
        if needs_current {
            let name = account.email.as_deref().unwrap_or_default();
            self.throttle.count(name, caller.from)?;
            let current = change.current.unwrap_or_default();
            if !self.passwords.verify(current, account.password_hash.as_deref()).await? {
                return Err(SignInError::Wrong(Some(account.user)));
            }
            self.throttle.succeeded(name, caller.from);
        }
        let hash = self.passwords.hash(change.new).await?;
        self.store.set_credentials(&caller.scope.user, &email, &hash, browser).await?;
        self.forget();
        Ok(())
    }

    /// Makes a browser look at another of its person's tenants.
    pub(crate) async fn choose_tenant(&self, browser: &Sha256, tenant: &TenantId) -> Result<(), StoreError> {
        self.store.choose_tenant(browser, tenant).await?;
        self.forget();
        Ok(())
    }

    /// Accepts an invitation: with the account of this email and password where there is one, else with a new one.
    pub(crate) async fn accept_invite(
        &self,
        code: &str,
        person: NewPerson<'_>,
        from: Option<IpAddr>,
    ) -> Result<Accepted, SignInError> {
        let code = Sha256::of(code.as_bytes());
        let email = checked_email(person.email)?;
        // Without a code nobody learns here which emails have accounts.
        if !self.store.is_invited(&code).await? {
            return Err(StoreError::NotFound.into());
        }
        let who = match self.store.account_by_email(&email).await? {
            Some(_) => Joining::Known(self.check_login(&email, person.password, from).await?.user),
            None => {
                check_password(person.password, &email)?;
                let password_hash = self.passwords.hash(person.password).await?;
                Joining::New { email, name: person.name.to_owned(), password_hash }
            }
        };
        let accepted = self.store.accept_invite(&code, who).await?;
        self.forget();
        Ok(accepted)
    }
}

/// What somebody wants to sign in with.
pub(crate) struct PasswordChange<'a> {
    /// A new email; absent keeps the one there is.
    pub(crate) email: Option<&'a str>,
    /// The password until now.
    pub(crate) current: Option<&'a str>,
    /// The password from now on.
    pub(crate) new: &'a str,
}

/// Somebody who accepts an invitation.
pub(crate) struct NewPerson<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_kept_in_one_form() {
        assert_eq!(checked_email("  Ada@Example.COM ").unwrap(), "ada@example.com");
        for text in ["", "ada", "@x", "a@", "a@b@c", "a b@c", "a\n@b", &format!("{}@x", "a".repeat(260))] {
            assert!(checked_email(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_proof_is_read_back_as_it_was_written() {
        for proof in Proof::ALL {
            assert_eq!(Proof::of(proof.as_str()), Some(proof));
        }
        assert_eq!(Proof::of("guess"), None);
    }
}
