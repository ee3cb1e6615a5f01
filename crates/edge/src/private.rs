//! Artifacts that were built and never released: on an origin of their own, for those who were handed a key.

use http::Response;
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use vitrine_model::{AppId, ArtifactId, LinkId};

use crate::admission::{Admission, Door};
use crate::answer::{Refusal, misdirected};
use crate::ask::Ask;
use crate::body::Body;
use crate::credential::Purpose;
use crate::gateway::Gateway;
use crate::headers::{TOKEN_PARAM, set_frame_ancestors};

/// Whether a request may see an artifact that was never released.
pub enum Entry {
    /// It may; these cookie lines go with the answer.
    Open(Vec<HeaderValue>),
    /// It may not, or not yet: this is the answer.
    Answered(Box<Response<Body>>),
}

impl Gateway {
    /// `url` with a key that opens an artifact of the app. Ask only for people who may see the app's drafts.
    pub fn private_url(&self, url: &str, app: &AppId, artifact: &ArtifactId) -> String {
        self.private_url_by(url, app, artifact, None)
    }

    /// The same; with a link, for its visitors and for as long as it is open.
    pub fn private_url_by(
        &self,
        url: &str,
        app: &AppId,
        artifact: &ArtifactId,
        link: Option<&LinkId>,
    ) -> String {
        let ttl = self.config.limits.token_ttl;
        let token = self.signer.token(Purpose::ArtifactToken, &subject(app, artifact), ttl, link);
        format!("{url}?{TOKEN_PARAM}={token}")
    }

    /// Lets the builder page, and nobody else, frame an artifact that was never released: it is shown there in place of a dev
    /// server.
    pub fn let_builder_frame(&self, headers: &mut HeaderMap) {
        set_frame_ancestors(headers, &self.frame_ancestors);
    }

    /// Lets a request in by its cookie, or turns its token into one. The key of one app's artifact opens no other app's,
    /// also when both are the same byte for byte.
    pub async fn enter_artifact(&self, app: &AppId, artifact: &ArtifactId, head: &Parts) -> Entry {
        let Some(ask) = Ask::read(head, self.config.scheme) else {
            return Entry::Answered(Box::new(misdirected(head)));
        };
        if ask.is_foreign {
            return Entry::Answered(Box::new(ask.refuse(Refusal::Foreign, &self.frame_ancestors)));
        }
        match self.admit(&Door::of_artifact(&subject(app, artifact)), &ask, &head.headers).await {
            Ok(Admission::Here { renewed, .. }) => Entry::Open(renewed),
            Ok(Admission::Elsewhere(response)) => Entry::Answered(Box::new(response)),
            Err(refusal) => Entry::Answered(Box::new(ask.refuse(refusal, &self.frame_ancestors))),
        }
    }
}

fn subject(app: &AppId, artifact: &ArtifactId) -> String {
    format!("{app}/{artifact}")
}
