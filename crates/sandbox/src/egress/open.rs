//! The connections of a proxy that are open, so that those can be cut that are no longer allowed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct OpenConnections {
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    next: u64,
    open: HashMap<u64, Entry>,
}

struct Entry {
    host: String,
    port: u16,
    plain_http: bool,
    cut: CancellationToken,
}

/// A connection as long as it is open.
pub(super) struct Open<'a> {
    all: &'a OpenConnections,
    id: u64,
    cut: CancellationToken,
}

impl OpenConnections {
    pub(super) fn note(&self, host: &str, port: u16, plain_http: bool) -> Open<'_> {
        let cut = CancellationToken::new();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let id = noted.next;
        noted.next += 1;
        noted.open.insert(id, Entry { host: host.to_owned(), port, plain_http, cut: cut.clone() });
        Open { all: self, id, cut }
    }

    /// Cuts those for which it is true: host, port, without TLS.
    pub(super) fn cut(&self, is_cut: impl Fn(&str, u16, bool) -> bool) {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = noted.open.values();
        entries.filter(|one| is_cut(&one.host, one.port, one.plain_http)).for_each(|one| one.cut.cancel());
    }
}

impl Open<'_> {
    pub(super) async fn until_cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.all.noted.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.id);
    }
}
