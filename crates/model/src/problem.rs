//! Problem documents (RFC 9457): what an outsider sees of an error, with a stable code.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// Every stable error code, with its HTTP status and title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as it stands in a problem document.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// The same few words for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The request is not HTTP as we speak it, or a parameter is not what its type says.
    InvalidRequest = "invalid_request", 400, "The request is not valid";
    /// The body is not JSON, or not the JSON asked for.
    InvalidJson = "invalid_json", 400, "The body is not the JSON asked for";
    /// A path in the request is not a project path.
    InvalidPath = "invalid_path", 400, "A path is not valid";
    /// Two paths differ only in case, or one is a file and a folder.
    PathCollision = "path_collision", 400, "Two paths collide";
    /// A change set without operations, with contradictory ones, or with undecodable content.
    InvalidChange = "invalid_change", 400, "The change set is not valid";
    /// The archive is not one, or holds what an upload may not hold.
    InvalidArchive = "invalid_archive", 400, "The archive is not valid";
    /// Uploaded bytes are not the ones their hash names.
    HashMismatch = "hash_mismatch", 400, "The content does not match its hash";
    /// The password is too short, too long, or the account's own email.
    WeakPassword = "weak_password", 400, "The password is not good enough";
    /// A secret or a variable whose name or value cannot be kept, or one too many.
    InvalidSecret = "invalid_secret", 400, "The secret or variable is not valid";
    /// A destination that is none, or that the operator does not allow.
    InvalidDestination = "invalid_destination", 400, "The destination is not valid";
    /// A slug outside `^[a-z0-9-]{3,63}$`, or a reserved one.
    InvalidSlug = "invalid_slug", 400, "The slug is not valid";
    /// No credentials, or none that are valid.
    Unauthenticated = "unauthenticated", 401, "Sign in first";
    /// The credentials are not for this, or a browser's request lacks its CSRF token.
    Forbidden = "forbidden", 403, "Not allowed";
    /// Whoever runs the server does not allow this command.
    ExecRefused = "exec_refused", 403, "The command is not allowed";
    /// The tenant is suspended by whoever runs the server.
    TenantSuspended = "tenant_suspended", 403, "The tenant is suspended";
    /// Nothing there, or nothing of yours.
    NotFound = "not_found", 404, "Not found";
    /// No template has this key.
    UnknownTemplate = "unknown_template", 404, "There is no such template";
    /// The operation names a file that is not there.
    FileNotFound = "file_not_found", 404, "There is no such file";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// The draft has moved on since `base_version`.
    DraftConflict = "draft_conflict", 409, "The draft has changed since you read it";
    /// An edit's precondition does not hold: other content, no match or several.
    EditConflict = "edit_conflict", 409, "The file is not the one the edit was made for";
    /// The destination of a rename is taken.
    FileExists = "file_exists", 409, "There is a file already";
    /// Another app has the slug.
    SlugTaken = "slug_taken", 409, "The slug is taken";
    /// Another account of this server has the email.
    EmailTaken = "email_taken", 409, "The email is taken";
    /// A tenant of the host product is there already.
    TenantExists = "tenant_exists", 409, "There is such a tenant already";
    /// The change would leave the tenant without an owner.
    LastOwner = "last_owner", 409, "A tenant needs an owner";
    /// The same idempotency key came with another request.
    IdempotencyConflict = "idempotency_conflict", 409, "The idempotency key was used for another request";
    /// The app has no session, or it does not run.
    SessionNotRunning = "session_not_running", 409, "The session is not running";
    /// The draft is what the app began with.
    NothingToUndo = "nothing_to_undo", 409, "There is nothing to undo";
    /// Nothing was undone since the last change.
    NothingToRedo = "nothing_to_redo", 409, "There is nothing to redo";
    /// The tenant has as much as it may have of something.
    QuotaExceeded = "quota_exceeded", 409, "A quota is used up";
    /// The publish has ended; it cannot be cancelled any more.
    PublishOver = "publish_over", 409, "The publish has ended";
    /// Something newer took the place of this publish.
    Superseded = "superseded", 409, "Something newer took its place";
    /// The body is larger than this call takes.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The draft would be over a limit.
    LimitExceeded = "limit_exceeded", 413, "The draft would be over a limit";
    /// The archive unpacks to more than its size allows.
    ArchiveTooLarge = "archive_too_large", 413, "The archive unpacks to too much";
    /// The body's content type is not the one this call takes.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported";
    /// The host is not one of ours.
    MisdirectedRequest = "misdirected_request", 421, "This server does not serve that host";
    /// What to search for is empty, too long, or no regular expression.
    SearchInvalid = "search_invalid", 422, "This cannot be searched for";
    /// `package.json` is not one.
    InvalidPackageJson = "invalid_package_json", 422, "package.json cannot be read";
    /// No profile fits the project, or the profile lacks what it needs.
    InvalidProfile = "invalid_profile", 422, "Vitrine cannot tell how to run this project";
    /// `engines` asks for a Node.js that is not offered.
    UnsupportedNode = "unsupported_node", 422, "No offered Node.js fits the project";
    /// The package manager failed; its own words are in the detail.
    InstallFailed = "install_failed", 422, "The dependencies could not be installed";
    /// The dev command ended.
    DevServerExited = "dev_server_exited", 422, "The dev server stopped";
    /// The dev server did not answer in time.
    DevServerSilent = "dev_server_silent", 422, "The dev server does not answer";
    /// The dev server answered with an error.
    DevServerFailed = "dev_server_failed", 422, "The dev server answers with an error";
    /// A limit of the sandbox was reached.
    SandboxLimit = "sandbox_limit", 422, "The sandbox reached a limit";
    /// The project has faults that would break its build.
    ValidationFailed = "validation_failed", 422, "The project cannot be built as it is";
    /// A dependency that the policy does not allow.
    DependencyRefused = "dependency_refused", 422, "A dependency is not allowed";
    /// The build command failed; its own words are in the log.
    BuildFailed = "build_failed", 422, "The build failed";
    /// The build command succeeded and left no page, or a page that names files it did not leave.
    BuildIncomplete = "build_incomplete", 422, "The build left no complete site";
    /// What the build left cannot be hosted: a link out of it, a name that is no path, too much.
    BuildOutputRefused = "build_output_refused", 422, "What the build left cannot be published";
    /// A file of the build holds the value of one of the app's secrets.
    SecretInArtifact = "secret_in_artifact", 422, "A secret would be published";
    /// The publish took longer than it may.
    PublishTimedOut = "publish_timed_out", 422, "The publish took too long";
    /// Building an artifact anew gave other files.
    NotReproducible = "not_reproducible", 422, "The artifact could not be reproduced";
    /// The workers that tried were lost, as often as they may be.
    PublishAbandoned = "publish_abandoned", 422, "The publish was given up";
    /// The path speaks WebSocket, with the subprotocol `vitrine.v1`, and the request does not.
    UpgradeRequired = "upgrade_required", 426, "This path speaks WebSocket";
    /// Too much at once from this caller.
    TooManyRequests = "too_many_requests", 429, "Too many requests";
    /// More requests in a short time than this caller or address may send.
    RateLimited = "rate_limited", 429, "Too many requests in a short time";
    /// Our own fault; the log has the reason under the request id.
    Internal = "internal", 500, "Something went wrong on our side";
    /// The dev server's answer was not HTTP, or it hung up.
    BadGateway = "bad_gateway", 502, "The dev server's answer was cut off";
    /// The configured back end cannot be reached, or its answer was not HTTP.
    BackendUnavailable = "backend_unavailable", 502, "The back end does not answer";
    /// No sandbox can be made now.
    SandboxUnavailable = "sandbox_unavailable", 503, "No sandbox can be started now";
    /// The pinned Node.js or package manager could not be had.
    ToolchainUnavailable = "toolchain_unavailable", 503, "The toolchain could not be downloaded";
    /// The operator's master key is missing or another one: secrets are there and cannot be opened.
    SecretsUnavailable = "secrets_unavailable", 503, "The secrets cannot be opened now";
    /// The object store does not take or give what is asked of it.
    StorageUnavailable = "storage_unavailable", 503, "The storage does not answer";
    /// A token of the host product cannot be checked, as its keys cannot be fetched.
    HostKeysUnavailable = "host_keys_unavailable", 503, "The host product's keys cannot be fetched";
    /// The app's owner has paused it.
    AppPaused = "app_paused", 503, "The app is paused";
    /// The app calls a back end, and none is configured.
    BackendNotConfigured = "backend_not_configured", 503, "No back end is configured for this app";
    /// The session is on its way.
    SessionStarting = "session_starting", 503, "The preview is starting";
    /// The server is stopping.
    ShuttingDown = "shutting_down", 503, "The server is stopping";
    /// The dev server or the back end took too long.
    GatewayTimeout = "gateway_timeout", 504, "The answer took too long";
}

/// One fault inside a request, where there can be several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemItem {
    /// The file or field concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The code of this fault.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI reference for the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// What happened this time and what to do about it.
    pub detail: String,
    /// The request, for finding it in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The faults one by one, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
    /// On a draft conflict: the version the draft is at now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<u64>,
}

impl Problem {
    /// A problem of the given code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/docs/problems#{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            request_id: None,
            errors: Vec::new(),
            latest_version: None,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_with_its_status() {
        let documentation = include_str!("../../../docs/problems.md");
        for code in Code::ALL {
            let row = format!("`{}` | {} |", code.as_str(), code.status());
            assert!(documentation.contains(&row), "{} is not in docs/problems.md", code.as_str());
        }
    }
}
