//! Passwords: Argon2id with the parameters that OWASP's password storage cheat sheet names, hashed on threads of their own, a
//! few at a time, so that a flood of guesses costs its senders more than everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OnceCell, Semaphore};
use vitrine_model::source::Entropy;

/// Characters of the shortest password: with a throttle in front, length is what helps, and rules about kinds do not.
const LEAST_CHARS: usize = 12;

/// Bytes of the longest one: a hash takes longer the longer it is.
const MOST_BYTES: usize = 512;

/// Hashes computed at once; each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// Callers that may wait for their turn; whoever comes then is told to come later.
const MOST_WAITING: usize = 32;

/// What one hash costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PasswordCost {
    /// Memory in KiB.
    pub(crate) memory_kib: u32,
    /// Passes over it.
    pub(crate) passes: u32,
}

impl Default for PasswordCost {
    /// OWASP's second choice for Argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WeakPassword {
    #[error("a password has at least {LEAST_CHARS} characters; several words are easy to remember")]
    Short,
    #[error("a password has at most {MOST_BYTES} bytes")]
    Long,
    #[error("a password is not the email")]
    Email,
}

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("too many passwords are looked at in this moment")]
    Busy,
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

/// Whether somebody may choose a password.
pub(crate) fn check_password(password: &str, email: &str) -> Result<(), WeakPassword> {
    if password.chars().count() < LEAST_CHARS {
        return Err(WeakPassword::Short);
    }
    if password.len() > MOST_BYTES {
        return Err(WeakPassword::Long);
    }
    match password.eq_ignore_ascii_case(email) {
        true => Err(WeakPassword::Email),
        false => Ok(()),
    }
}

/// Hashes passwords and compares them with hashes.
pub(crate) struct Passwords {
    cost: PasswordCost,
    entropy: Arc<dyn Entropy>,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// What an account without a password is compared with, so that it takes as long as one that has one.
    nobodys: OnceCell<String>,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost, entropy: Arc<dyn Entropy>) -> Self {
        let (turns, waiting) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::default());
        Self { cost, entropy, turns, waiting, nobodys: OnceCell::new() }
    }

    /// The PHC string that is kept of a password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, HashError> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let (argon2, password) = (self.argon2()?, password.to_owned());
        self.in_turn(move || {
            let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| HashError::Failed(error.to_string()))
        })
        .await?
    }

    /// Whether a password is the one of a PHC string. Without one the answer is no, and takes as long.
    pub(crate) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool, HashError> {
        let nobodys = self.nobodys.get_or_try_init(|| self.hash("nobody has this password")).await?;
        let (argon2, password) = (self.argon2()?, password.to_owned());
        let compared = kept.unwrap_or(nobodys).to_owned();
        let is_right = self.in_turn(move || {
            let cut = password.len() > MOST_BYTES;
            argon2.verify_password(password.as_bytes(), compared.as_str()).is_ok() && !cut
        });
        Ok(is_right.await? && kept.is_some())
    }

    fn argon2(&self) -> Result<Argon2<'static>, HashError> {
        let params = Params::new(self.cost.memory_kib, self.cost.passes, 1, None);
        let params = params.map_err(|error| HashError::Failed(error.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let failed = |error: &dyn std::fmt::Display| HashError::Failed(error.to_string());
        let place = Place::take(&self.waiting)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|error| failed(&error))?;
        // Both go with the work: whoever hangs up stops waiting for it, but not the work itself.
        let working = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        working.await.map_err(|error| failed(&error))
    }
}

/// A place among those who wait; given back when its holder goes away, too.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, HashError> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting.clone());
        match before < MOST_WAITING {
            true => Ok(place),
            false => Err(HashError::Busy),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use vitrine_model::source::fixed::CountingEntropy;

    use super::*;

    fn passwords(cost: PasswordCost) -> Passwords {
        Passwords::new(cost, Arc::new(CountingEntropy::default()))
    }

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn a_password_is_kept_as_owasp_says_and_known_again() {
        let passwords = passwords(PasswordCost::default());
        let kept = passwords.hash("correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify("correct horse battery", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("correct horse batterx", Some(&kept)).await.unwrap());
        assert_ne!(
            passwords.hash("correct horse battery").await.unwrap(),
            kept,
            "every hash has its own salt"
        );
    }

    #[tokio::test]
    async fn nobody_has_the_password_that_nobody_is_compared_with() {
        assert!(!passwords(CHEAP).verify("nobody has this password", None).await.unwrap());
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_takes_as_long_as_one_that_is() {
        let passwords = passwords(PasswordCost::default());
        let kept = passwords.hash("correct horse battery").await.unwrap();
        let mut shortest = [std::time::Duration::MAX; 2];
        for _ in 0..5 {
            for (place, compared) in [Some(kept.as_str()), None].into_iter().enumerate() {
                let begun = std::time::Instant::now();
                assert!(!passwords.verify("a guess", compared).await.unwrap());
                shortest[place] = shortest[place].min(begun.elapsed());
            }
        }
        let [there, not_there] = shortest;
        assert!(not_there * 2 > there && there * 2 > not_there, "{there:?} and {not_there:?}");
    }

    #[tokio::test]
    async fn a_hash_made_at_another_cost_still_counts() {
        let kept = passwords(CHEAP).hash("correct horse battery").await.unwrap();
        let other = passwords(PasswordCost { memory_kib: 16, passes: 2 });
        assert!(other.verify("correct horse battery", Some(&kept)).await.unwrap());
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_later_and_the_rest_get_their_turn() {
        let passwords = passwords(CHEAP);
        // No hash ends before everybody has come.
        let (hold, held) = tokio::sync::watch::channel(true);
        let wait = move || {
            while *held.borrow() {
                std::thread::yield_now()
            }
        };
        let crowd = (0..MOST_WAITING + 8).map(|_| passwords.in_turn(wait.clone()));
        let mut crowd: futures::stream::FuturesUnordered<_> = crowd.collect();
        for _ in 0..8 {
            assert!(matches!(crowd.next().await, Some(Err(HashError::Busy))));
        }
        hold.send_replace(false);
        assert!(crowd.all(async |result| result.is_ok()).await);
        assert!(passwords.hash("x").await.is_ok(), "places are given back");
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_turn_and_place_to_the_hash_that_goes_on() {
        let passwords = Arc::new(passwords(CHEAP));
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let caller = tokio::spawn({
            let passwords = passwords.clone();
            async move {
                let hash = move || {
                    begun.send(()).unwrap();
                    _ = ended.recv();
                };
                passwords.in_turn(hash).await
            }
        });
        is_begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.turns.available_permits(), AT_ONCE - 1);
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 1);
        drop(end);
        let all = passwords.turns.clone().acquire_many_owned(AT_ONCE as u32);
        let given_back = tokio::time::timeout(std::time::Duration::from_secs(10), all).await;
        assert!(given_back.is_ok(), "both end with the hash");
    }

    #[test]
    fn short_long_and_obvious_passwords_are_refused() {
        let email = "somebody@example.com";
        assert_eq!(check_password("elevenchars", email), Err(WeakPassword::Short));
        assert_eq!(check_password(&"x".repeat(MOST_BYTES + 1), email), Err(WeakPassword::Long));
        assert_eq!(check_password("Somebody@Example.com", email), Err(WeakPassword::Email));
        assert_eq!(check_password("zwölf Zeichen", email), Ok(()));
    }
}
