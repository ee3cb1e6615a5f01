//! Visiting a dev server as a browser would: its page, and the modules that page leads to.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use vitrine_sandbox::driver::{DriverError, Sandbox};

use super::PrebundleError;

/// How long the dev server may take until it answers at all.
const READY: Duration = Duration::from_secs(90);

/// How often it is asked until then.
const RETRY: Duration = Duration::from_millis(50);

/// How long one answer may take: the optimizer holds requests back while it works.
const ANSWER: Duration = Duration::from_secs(60);

/// Modules that are visited at most.
const MAX_MODULES: usize = 2_000;

/// Bytes of one answer that are looked at.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;

/// Asks for `/` until it is answered, then for everything it leads to.
pub(super) async fn visit(sandbox: &dyn Sandbox, port: u16) -> Result<(), PrebundleError> {
    let page = first_page(sandbox, port).await?;
    let mut queue: VecDeque<String> = links(&page).collect();
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    while let Some(path) = queue.pop_front() {
        // What fails here fails for a browser too; the rest still leads somewhere.
        let Ok(body) = get(sandbox, port, &path).await else {
            continue;
        };
        for link in links(&body) {
            if seen.len() < MAX_MODULES && seen.insert(link.clone()) {
                queue.push_back(link);
            }
        }
    }
    Ok(())
}

async fn first_page(sandbox: &dyn Sandbox, port: u16) -> Result<String, PrebundleError> {
    let deadline = Instant::now() + READY;
    loop {
        match get(sandbox, port, "/").await {
            Ok(body) => return Ok(body),
            Err(DriverError::Ended) => return Err(DriverError::Ended.into()),
            Err(error) if Instant::now() > deadline => {
                return Err(PrebundleError::DevServer(error.to_string()));
            }
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// The body of a good answer. HTTP/1.0: the answer then ends where the connection does.
async fn get(sandbox: &dyn Sandbox, port: u16, path: &str) -> Result<String, DriverError> {
    let exchange = async {
        let mut stream = sandbox.dial(port).await?;
        let accept = if path == "/" { "text/html" } else { "*/*" };
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\nAccept: {accept}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok::<_, DriverError>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(ANSWER, exchange).await.map_err(|_| DriverError::Timeout(ANSWER))??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => Ok(body.to_owned()),
        _ => Err(DriverError::Refused(format!("`{path}` answered {status}"))),
    }
}

/// Root-relative URLs that a page or a module loads, found by what stands before them. Missing one costs a little
/// time in a session, so no parser is needed.
fn links(text: &str) -> impl Iterator<Item = String> {
    const BEFORE: [&str; 8] =
        ["from ", "from", "import ", "import", "import(", "src=", "component-url=", "renderer-url="];
    let quoted = text.match_indices(['"', '\'']).filter_map(move |(at, quote)| {
        let rest = &text[at + 1..];
        let url = rest.strip_prefix('/').and(rest.split(quote).next())?;
        let before = &text[..at];
        let loads = BEFORE.iter().any(|word| before.ends_with(word));
        let plain = !url.starts_with("//") && url.len() < 2_048 && url.bytes().all(|b| b.is_ascii_graphic());
        (loads && plain).then(|| url.to_owned())
    });
    quoted.collect::<BTreeSet<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_pages_and_modules_are_found() {
        let text = r#"<script type="module" src="/src/main.tsx"></script><img alt="/x">
            import App from "/src/App.tsx"; import '/a.css'; const L = () => import("/src/Lazy.tsx");
            import{x}from"/node_modules/.vite/deps/react.js?v=1"; fetch("/api"); import "//other/x"; import "react"
            <astro-island component-url="/src/Card.tsx">"#;
        let found: Vec<_> = links(text).collect();
        let expected = [
            "/a.css",
            "/node_modules/.vite/deps/react.js?v=1",
            "/src/App.tsx",
            "/src/Card.tsx",
            "/src/Lazy.tsx",
            "/src/main.tsx",
        ];
        assert_eq!(found, expected);
    }
}
