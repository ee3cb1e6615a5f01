//! Readiness: `running` means that the dev server answered `/` and the page's entry module, not that a port is open.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use vitrine_model::ProjectPath;
use vitrine_sandbox::{DriverError, Sandbox, Stream};

/// Between two attempts while nothing listens yet: a cold Vite needs about 500 ms, so this costs little either way.
const RETRY: Duration = Duration::from_millis(5);

/// A change that was written has been noticed after 9 to 12 ms on an idle machine; this is for a busy one.
const NOTICED_WITHIN: Duration = Duration::from_millis(150);

/// A page or module larger than this is not read further.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What the dev server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The status of `/`.
    pub(crate) page: u16,
    /// The entry module and its status, when the page has one.
    pub(crate) entry: Option<(String, u16)>,
}

/// Waits until the dev server on `port` has answered; the caller brings the deadline and drops this when it has passed.
/// `opened` is called when the page has answered and the entry module has not yet.
pub(crate) async fn until_ready(
    sandbox: &dyn Sandbox,
    port: u16,
    opened: impl Fn() + Send + Sync,
) -> Result<Ready, DriverError> {
    loop {
        match answer(sandbox, port, &opened).await {
            Ok(ready) => return Ok(ready),
            Err(ProbeError::Driver(error @ DriverError::Ended)) => return Err(error),
            // Not yet listening, or busy, or cut off by its own restart: whatever it is may pass.
            Err(error) => {
                tracing::trace!(port, %error, "the dev server does not answer yet");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// What a dev server answered for a file before it was changed.
pub(crate) struct Before {
    path: String,
    body: Bytes,
}

/// What the dev server answers for these files now; those that it does not serve are left out.
pub(crate) async fn answers(sandbox: &dyn Sandbox, port: u16, paths: &[ProjectPath]) -> Vec<Before> {
    let asked = paths.iter().map(|path| async move {
        let path = format!("/{path}");
        let body = module(sandbox, port, &path).await?;
        Some(Before { path, body })
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Waits until the dev server answers something else for every one of these files, and no longer than it takes to notice
/// for sure: a change may make no difference to what is served.
pub(crate) async fn until_noticed(sandbox: &dyn Sandbox, port: u16, files: Vec<Before>) {
    let noticed = files.into_iter().map(|before| async move {
        while module(sandbox, port, &before.path).await.is_some_and(|body| body == before.body) {
            tokio::time::sleep(RETRY).await;
        }
    });
    let _ = tokio::time::timeout(NOTICED_WITHIN, futures::future::join_all(noticed)).await;
}

async fn module(sandbox: &dyn Sandbox, port: u16, path: &str) -> Option<Bytes> {
    let stream = sandbox.dial(port).await.ok()?;
    let (status, body) = get(stream, port, path, "*/*").await.ok()?;
    (status == 200).then_some(body)
}

#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

async fn answer(
    sandbox: &dyn Sandbox,
    port: u16,
    opened: &(impl Fn() + Send + Sync),
) -> Result<Ready, ProbeError> {
    let (page, body) = get(sandbox.dial(port).await?, port, "/", "text/html").await?;
    opened();
    let Some(entry) = entry_module(&String::from_utf8_lossy(&body)) else {
        return Ok(Ready { page, entry: None });
    };
    let (status, _) = get(sandbox.dial(port).await?, port, &entry, "*/*").await?;
    Ok(Ready { page, entry: Some((entry, status)) })
}

async fn get(stream: Stream, port: u16, path: &str, accept: &str) -> Result<(u16, Bytes), hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, format!("localhost:{port}"))
        .header(header::ACCEPT, accept)
        .body(Empty::<Bytes>::new());
    let result = match request {
        Ok(request) => read(sender.send_request(request).await?).await,
        // A path that a page names and HTTP cannot: whatever it is, the page has answered.
        Err(_) => Ok((0, Bytes::new())),
    };
    driving.abort();
    result
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<(u16, Bytes), hyper::Error> {
    let status = response.status().as_u16();
    match Limited::new(response.into_body(), MOST_BYTES).collect().await {
        Ok(body) => Ok((status, body.to_bytes())),
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => Err(*error),
            Err(_) => Ok((status, Bytes::new())),
        },
    }
}

/// The page's own module: the last `<script type="module" src="/…">`, since dev servers put their client first.
fn entry_module(html: &str) -> Option<String> {
    let tags = html.split("<script").skip(1).filter_map(|rest| rest.split('>').next());
    let modules = tags.filter(|tag| attribute(tag, "type").is_some_and(|kind| kind == "module"));
    let sources = modules.filter_map(|tag| attribute(tag, "src"));
    let local = sources.filter_map(|src| match src.strip_prefix("./") {
        Some(rest) => Some(format!("/{rest}")),
        None if src.starts_with('/') && !src.starts_with("//") => Some(src.to_owned()),
        None => None,
    });
    local.last().map(|src| src.replace("&amp;", "&"))
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let at = tag.find(&format!(" {name}="))? + name.len() + 2;
    let quote = tag[at..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    tag[at + 1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_module_is_the_pages_own() {
        let html = r#"<head><script type="module" src="/@vite/client"></script>
            <script src="/plain.js"></script></head><body><script type="module" src="/src/main.tsx"></script>"#;
        assert_eq!(entry_module(html).as_deref(), Some("/src/main.tsx"));
        assert_eq!(
            entry_module("<script type='module' src='./a.js?x=1&amp;y'>").as_deref(),
            Some("/a.js?x=1&y")
        );
        assert_eq!(entry_module(r#"<script type="module" src="https://cdn.example/x.js">"#), None);
        assert_eq!(entry_module("<p>no scripts</p>"), None);
    }
}
