//! The URLs that open a session's preview, each once.

use vitrine_model::{LinkId, SessionId};

use crate::credential::Purpose;
use crate::gateway::Gateway;
use crate::headers::TOKEN_PARAM;

impl Gateway {
    /// A fresh token for a session: whoever opens its preview with it in time gets the cookie. Ask only for people who
    /// may see the session.
    pub fn token(&self, session: &SessionId) -> String {
        self.token_by(session, None)
    }

    fn token_by(&self, session: &SessionId, link: Option<&LinkId>) -> String {
        self.signer.token(Purpose::Token, session.as_str(), self.config.limits.token_ttl, link)
    }

    /// The URL that opens a session's preview, with a fresh token.
    pub fn preview_url(&self, session: &SessionId) -> String {
        format!("{}/?{TOKEN_PARAM}={}", self.config.preview_origin(session), self.token(session))
    }

    /// The same for a visitor by link, who sees the preview for as long as [`PreviewTargets::link`] says that it is open.
    pub fn link_url(&self, session: &SessionId, link: &LinkId) -> String {
        let token = self.token_by(session, Some(link));
        format!("{}/?{TOKEN_PARAM}={token}", self.config.preview_origin(session))
    }
}
