//! The page behind a preview link: asks for the password if there is one, and sends the visitor to the preview.
//!
//! It is on the builder's origin and holds nothing of the app. Looking at it changes nothing; its form opens the link.

use std::sync::{Arc, LazyLock};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::extract::read_body;
use super::ui::PreviewOrigins;
use crate::auth::HashError;
use crate::links::{LinkError, PATH};
use crate::services::Services;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("open.js");

/// Bytes of the form: a password of the longest kind, every byte of it escaped, has 1,600.
const MOST_FORM_BYTES: usize = 4_096;

/// What the page's own style and script are allowed by.
static OWN_SOURCES: LazyLock<String> =
    LazyLock::new(|| format!("style-src '{}'; script-src '{}'", source_hash(STYLE), source_hash(SCRIPT)));

/// What a page says.
enum Says {
    /// That it opens by itself, or with this button.
    Opening,
    /// That it wants a password; `true` after a wrong one.
    AsksPassword(bool),
    /// Why there is nothing to open.
    Refusal(&'static str, String),
}

/// `GET /s/{secret}`: the page. `POST`: opens the link, and sends the visitor to the preview.
pub(crate) async fn serve(State(services): State<Arc<Services>>, request: Request) -> Response {
    let origins = request.extensions().get::<PreviewOrigins>().cloned();
    let origins = origins.map_or_else(|| "'none'".to_owned(), |origins| origins.0);
    let secret = request.uri().path().strip_prefix(PATH).unwrap_or_default().to_owned();
    let outcome = match *request.method() {
        Method::POST => open(&services, &secret, request).await,
        Method::GET | Method::HEAD => look(&services, &secret).await,
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    match outcome {
        Ok(answer) => answer.into_response(&origins),
        Err(error) => refused(error).into_response(&origins),
    }
}

/// What becomes of a visitor.
enum Answer {
    Page(StatusCode, Says),
    Elsewhere(String),
}

async fn look(services: &Services, secret: &str) -> Result<Answer, LinkError> {
    let stored = services.links.find(secret).await?;
    let says = if stored.link.has_password { Says::AsksPassword(false) } else { Says::Opening };
    Ok(Answer::Page(StatusCode::OK, says))
}

async fn open(services: &Services, secret: &str, request: Request) -> Result<Answer, LinkError> {
    let stored = services.links.find(secret).await?;
    let Ok(body) = read_body(request, MOST_FORM_BYTES).await else {
        // Without a guess at the password, which is work and counts.
        let why = "What was sent is too long, or did not arrive whole. Open the link again.".to_owned();
        return Ok(Answer::Page(StatusCode::BAD_REQUEST, Says::Refusal("This was not understood", why)));
    };
    let password = form_urlencoded::parse(&body).find(|(name, _)| name == "password");
    let password = password.map(|(_, value)| value.into_owned());
    Ok(Answer::Elsewhere(services.links.open(&stored, password.as_deref()).await?))
}

fn refused(error: LinkError) -> Answer {
    match error {
        LinkError::NoSuchLink => {
            let why =
                "It was taken back, has expired, or was not copied whole. Ask whoever sent it for another.";
            Answer::Page(StatusCode::NOT_FOUND, Says::Refusal("This link opens nothing", why.to_owned()))
        }
        LinkError::WrongPassword => Answer::Page(StatusCode::FORBIDDEN, Says::AsksPassword(true)),
        LinkError::TooMany(refused) => {
            let why = format!("Try again in {} s.", refused.retry_after_secs);
            Answer::Page(StatusCode::TOO_MANY_REQUESTS, Says::Refusal("Too many attempts", why))
        }
        LinkError::Password(HashError::Busy) => {
            let why = "Many people open links at this moment. Try again in a few seconds.".to_owned();
            Answer::Page(StatusCode::TOO_MANY_REQUESTS, Says::Refusal("Too many visitors", why))
        }
        error => {
            tracing::warn!(%error, "a preview link could not be opened");
            let why = "Try again later, or tell whoever sent you the link.".to_owned();
            Answer::Page(
                StatusCode::SERVICE_UNAVAILABLE,
                Says::Refusal("The preview cannot be opened now", why),
            )
        }
    }
}

impl Answer {
    fn into_response(self, origins: &str) -> Response {
        match self {
            Self::Elsewhere(url) => Redirect::to(&url).into_response(),
            Self::Page(status, says) => {
                let mut response = (status, axum::response::Html(says.html())).into_response();
                if let Ok(policy) = HeaderValue::from_str(&policy(origins)) {
                    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
                }
                response
            }
        }
    }
}

/// The form leads to the preview, which browsers count as one of its targets.
fn policy(origins: &str) -> String {
    format!(
        "default-src 'none'; {}; form-action 'self' {origins}; base-uri 'none'; frame-ancestors 'none'",
        *OWN_SOURCES
    )
}

impl Says {
    /// No word of it comes from anybody else, so nothing is to be escaped.
    fn html(&self) -> String {
        let (title, main, script) = match self {
            Self::Opening => (
                "A preview was shared with you",
                "<p>It opens here.</p><form method=\"post\"><button>Open the preview</button></form>"
                    .to_owned(),
                format!("<script>{SCRIPT}</script>"),
            ),
            Self::AsksPassword(was_wrong) => {
                let alert = if *was_wrong { "<p role=\"alert\">That is not the password.</p>" } else { "" };
                let form = "<form method=\"post\"><label for=\"password\">Password</label>\
                    <input id=\"password\" name=\"password\" type=\"password\" required autofocus \
                    autocomplete=\"off\"><button>Open the preview</button></form>";
                let text = "<p>Whoever sent you the link has its password.</p>";
                ("A preview was shared with you", format!("{text}{alert}{form}"), String::new())
            }
            Self::Refusal(title, why) => (*title, format!("<p>{why}</p>"), String::new()),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n\
             <main><h1>{title}</h1>{main}</main>\n{script}\n"
        )
    }
}

fn source_hash(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(source)))
}
