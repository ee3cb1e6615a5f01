//! Passwords of links: kept as Argon2id hashes, checked a few at a time, each costing what it costs an attacker.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// Hashes made at once: each takes 19 MiB and a core for some 30 ms.
const AT_ONCE: usize = 2;

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The hash cannot be made or read.
    #[error("a password could not be hashed: {0}")]
    Hash(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// Makes and checks hashes.
pub(super) struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Passwords {
    /// A hash with a salt of its own, as a PHC string; RFC 9106's second recommended kind of parameters.
    pub(super) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
        })
        .await
    }

    /// Whether this is the password of the hash; takes the same time for every wrong one.
    pub(super) async fn is_right(&self, password: String, hash: String) -> Result<bool, PasswordError> {
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| PasswordError::Hash(error.to_string()))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _turn = self.0.acquire().await.map_err(|_| PasswordError::Stopping)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Stopping)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_opens_its_own_hash_and_no_other() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse".to_owned()).await.unwrap(), "salted");
        assert!(passwords.is_right("correct horse".to_owned(), hash.clone()).await.unwrap());
        assert!(!passwords.is_right("correct hors".to_owned(), hash).await.unwrap());
        assert!(passwords.is_right("x".to_owned(), "no hash".to_owned()).await.is_err());
    }
}
