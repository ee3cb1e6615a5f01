//! Pages that wait: for a dev server that is gone to be back, or for the end of the link they came by.

use std::sync::Arc;
use std::time::Duration;

use vitrine_model::SessionId;

use crate::admitted::{LinkSeat, ended};
use crate::forward::dial;
use crate::gateway::Gateway;
use crate::target::PreviewState;

/// How often is looked whether the dev server is back.
const PARKED_INTERVAL: Duration = Duration::from_millis(100);

impl Gateway {
    /// Ends with true when the page should load anew: the session has a dev server that can be dialled, or the visitor's link
    /// has ended, which the page will say. With false when that never comes.
    pub(crate) fn back(
        &self,
        session: &SessionId,
        link: Option<Arc<LinkSeat>>,
    ) -> impl Future<Output = bool> + Send + use<> {
        let is_back = self.has_dev_server(session);
        async move {
            tokio::select! {
                is_back = is_back => is_back,
                () = ended(link) => true,
            }
        }
    }

    fn has_dev_server(&self, session: &SessionId) -> impl Future<Output = bool> + Send + use<> {
        let targets = self.targets.clone();
        let session = session.clone();
        let parking = self.parking.clone();
        let connect_timeout = self.config.limits.connect_timeout;
        async move {
            let Ok(_place) = parking.try_acquire() else {
                return false;
            };
            loop {
                match targets.resolve(&session).await {
                    PreviewState::NotFound | PreviewState::Over => return false,
                    PreviewState::Running(upstream)
                        if dial(upstream.as_ref(), connect_timeout).await.is_ok() =>
                    {
                        return true;
                    }
                    _ => tokio::time::sleep(PARKED_INTERVAL).await,
                }
            }
        }
    }
}
