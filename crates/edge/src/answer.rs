//! What the gateway answers by itself: a page for a person, a problem document for a program.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Response, StatusCode};
use serde::Serialize;
use vitrine_model::RequestId;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::session::Step;

use crate::ask::{Ask, is_navigation};
use crate::body::{self, Body};
use crate::page::{POLICY, Page, STARTING, step_label};
use crate::target::{PreviewState, WaitInfo};

/// Why a request does not reach the guest, or brought nothing back.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The host is not this session's, or none of ours.
    Misdirected,
    /// There is no such session.
    UnknownSession,
    /// Stopped or expired.
    Over,
    /// No cookie, or none for this session.
    NoCredentials,
    /// Its token was exchanged before, and there is no cookie.
    TokenUsed,
    /// It came by a link that opens nothing any more.
    LinkOver,
    /// It came by a link that was opened too long ago to wake what sleeps.
    LinkResting,
    /// Sent by a page of another origin.
    Foreign,
    /// On its way.
    Starting(WaitInfo),
    /// More requests to the session are on their way than may be.
    Busy,
    /// The session cannot run.
    Failed(Box<Problem>),
    /// This request failed.
    Problem(Box<Problem>),
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::Problem(Box::new(Problem::new(code, detail)))
    }

    /// The answer: HTML for a navigation, `application/problem+json` for anything else.
    pub(crate) fn answer(
        self,
        is_navigation: bool,
        request_id: Option<&RequestId>,
        frame_ancestors: &HeaderValue,
    ) -> Response<Body> {
        let comes_soon = matches!(self, Self::Starting(_) | Self::Busy);
        let mut response = if is_navigation {
            self.page(request_id, frame_ancestors)
        } else {
            let mut problem = self.problem();
            problem.request_id = request_id.map(ToString::to_string);
            problem_document(&problem)
        };
        if comes_soon {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn problem(self) -> Problem {
        match self {
            Self::Misdirected => Problem::new(
                Code::MisdirectedRequest,
                "Nothing is served under this host. Check the address.",
            ),
            Self::UnknownSession => {
                Problem::new(Code::NotFound, "No preview has this address. Open it from the builder.")
            }
            Self::Over => Problem {
                status: StatusCode::GONE.as_u16(),
                ..Problem::new(
                    Code::SessionNotRunning,
                    "It was stopped or has expired. Open it again from the builder, or by your link.",
                )
            },
            Self::NoCredentials => {
                Problem::new(Code::Unauthenticated, "Open it from the builder, which hands out the key.")
            }
            Self::TokenUsed => Problem::new(
                Code::Unauthenticated,
                "Every address with a key opens a preview once. Reload the builder page it is shown in, or open the \
                 link it came from again.",
            ),
            Self::LinkOver => Problem::new(
                Code::Unauthenticated,
                "The link was taken back or has expired. Ask whoever gave it to you for another.",
            ),
            Self::LinkResting => Problem::new(
                Code::Unauthenticated,
                "The preview went to sleep while this page was open. Open the link again to wake it.",
            ),
            Self::Foreign => Problem::new(
                Code::Forbidden,
                "Pages of another origin may not send requests to this preview.",
            ),
            Self::Starting(_) => Problem::new(Code::SessionStarting, "Try again in a moment."),
            Self::Busy => Problem {
                status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
                ..Problem::new(
                    Code::TooManyRequests,
                    "Too many requests to this preview wait for its dev server. Try again in a moment.",
                )
            },
            Self::Failed(problem) | Self::Problem(problem) => *problem,
        }
    }

    /// What a page says in place of the problem's title, which is written for programs.
    const fn title(&self) -> Option<&'static str> {
        match self {
            Self::UnknownSession => Some("There is no such preview"),
            Self::Over => Some("This preview has ended"),
            Self::NoCredentials => Some("This preview is private"),
            Self::TokenUsed => Some("This address was opened before"),
            Self::LinkOver => Some("This link has ended"),
            Self::LinkResting => Some("This preview is asleep"),
            Self::Busy => Some("This preview is busy"),
            _ => None,
        }
    }

    fn page(self, request_id: Option<&RequestId>, frame_ancestors: &HeaderValue) -> Response<Body> {
        if let Self::Starting(wait) = &self {
            let page = Page {
                title: match wait.app_name.as_str() {
                    "" => "Starting the preview".into(),
                    name => format!("Starting {name}").into(),
                },
                text: "It opens here as soon as it is ready.".into(),
                steps: &wait.steps,
                shown: Some(STARTING),
                ..Page::default()
            };
            return html(Code::SessionStarting.status(), &page, frame_ancestors);
        }
        let shown = matches!(self, Self::Failed(_)).then_some(FAILED);
        let title = self.title();
        let problem = self.problem();
        let status = problem.status;
        let (text, quoted) = match fault(problem.code) {
            Fault::TheApps => (APPS_FAULT, problem.detail.as_str()),
            Fault::Other => (problem.detail.as_str(), ""),
        };
        let footer = match request_id {
            Some(id) if status >= 500 => format!("{} · request {id}", problem.code.as_str()),
            _ => problem.code.as_str().to_owned(),
        };
        let page = Page {
            title: title.unwrap_or(&problem.title).into(),
            text: text.into(),
            quoted,
            footer: footer.into(),
            shown,
            ..Page::default()
        };
        html(status, &page, frame_ancestors)
    }
}

/// The status for which the error page of a session stands.
const FAILED: &str = "failed";

/// Whose fault a problem is, as far as the page tells them apart.
enum Fault {
    /// The project's: its own words say what is wrong.
    TheApps,
    /// The visitor's or ours: the detail is written by us.
    Other,
}

const fn fault(code: Code) -> Fault {
    match code {
        Code::InvalidPackageJson
        | Code::InvalidProfile
        | Code::UnsupportedNode
        | Code::InstallFailed
        | Code::DevServerExited
        | Code::DevServerSilent
        | Code::DevServerFailed
        | Code::SandboxLimit => Fault::TheApps,
        _ => Fault::Other,
    }
}

/// What stands above an app's own words.
const APPS_FAULT: &str =
    "This comes from the app, not from Vitrine. The preview opens here once it runs again.";

/// The answer to `/.vitrine/preview-status`.
#[derive(Serialize)]
struct StatusDocument<'a> {
    status: &'static str,
    app_name: &'a str,
    steps: Vec<LabelledStep<'a>>,
    problem: Option<&'a Problem>,
}

#[derive(Serialize)]
struct LabelledStep<'a> {
    label: &'static str,
    #[serde(flatten)]
    step: &'a Step,
}

/// How a session is doing, for its waiting page.
pub(crate) fn status_document(state: &PreviewState) -> Response<Body> {
    let (status, wait, problem) = match state {
        PreviewState::NotFound => ("not_found", None, None),
        // A page that waits has woken it: to the page it is on its way.
        PreviewState::Asleep(wait) | PreviewState::Starting(wait) => (STARTING, Some(wait), None),
        PreviewState::Running(_) => ("running", None, None),
        PreviewState::Failed(problem) => (FAILED, None, Some(problem)),
        PreviewState::Over => ("over", None, None),
    };
    let steps = wait.map(|wait| wait.steps.as_slice()).unwrap_or_default();
    let document = StatusDocument {
        status,
        app_name: wait.map(|wait| wait.app_name.as_str()).unwrap_or_default(),
        steps: steps.iter().map(|step| LabelledStep { label: step_label(step.name), step }).collect(),
        problem,
    };
    json(StatusCode::OK, "application/json", &document)
}

/// To the same place without the token, with the cookie.
pub(crate) fn see_other(location: &str, cookies: Vec<HeaderValue>) -> Response<Body> {
    let mut response = own(StatusCode::SEE_OTHER, body::empty());
    let headers = response.headers_mut();
    // A request target that was parsed is a valid header value; should it not be, the page is one click away.
    headers.insert(LOCATION, HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/")));
    append_cookies(headers, cookies);
    response
}

/// Sets our cookie.
pub(crate) fn append_cookies(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The 404 in place of a page that was sent for a module.
pub(crate) fn no_module(path: &str) -> Response<Body> {
    let mut response = own(StatusCode::NOT_FOUND, body::full(format!("No module at {path}\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// 421 for a host that is none of ours or names no session: HTML for a navigation, a problem document otherwise.
pub fn misdirected(head: &Parts) -> Response<Body> {
    Refusal::Misdirected.answer(
        is_navigation(head),
        head.extensions.get::<RequestId>(),
        &HeaderValue::from_static("frame-ancestors 'none'"),
    )
}

/// A problem document, as programs get it.
pub(crate) fn problem_document(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, "application/problem+json", problem)
}

fn json(status: StatusCode, content_type: &'static str, value: &impl Serialize) -> Response<Body> {
    // Our own types have string keys only, which is all that could fail.
    let mut response = own(status, body::full(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn html(status: u16, page: &Page<'_>, frame_ancestors: &HeaderValue) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = own(status, body::full(page.html()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(POLICY.as_str()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.append(CONTENT_SECURITY_POLICY, frame_ancestors.clone());
    response
}

fn own(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

impl Ask {
    /// The answer to this request when it is refused.
    pub(crate) fn refuse(&self, refusal: Refusal, frame_ancestors: &HeaderValue) -> Response<Body> {
        refusal.answer(self.is_navigation, self.request_id.as_ref(), frame_ancestors)
    }
}
