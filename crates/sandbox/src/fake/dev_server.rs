//! The fake dev server: `/`, the files it is given, 404, and an echo for WebSockets. Just enough HTTP/1.1 for one
//! well-behaved client.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::lock;
use super::sandbox::Files;
use super::websocket;

const INDEX: &str = "<!doctype html>\n<html>\n<head><script type=\"module\" src=\"/@vite/client\"></script></head>\n\
    <body><div id=\"root\"></div><script type=\"module\" src=\"/src/main.tsx\"></script></body>\n</html>\n";

/// Serves connections until it is dropped; `stop` ends those that are open.
pub(super) async fn serve(listener: TcpListener, files: Files, is_silent: bool, stop: CancellationToken) {
    while let Ok((stream, _)) = listener.accept().await {
        let files = files.clone();
        let stop = stop.clone();
        tokio::spawn(async move {
            let connection = async {
                if is_silent {
                    std::future::pending::<()>().await;
                }
                let _ = serve_connection(stream, &files).await;
            };
            stop.run_until_cancelled(connection).await;
        });
    }
}

async fn serve_connection(stream: TcpStream, files: &Files) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        if let Some(key) = &request.websocket_key {
            return websocket::echo(&mut stream, key).await;
        }
        let (status, content_type, content) = answer(&request.path, files);
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        stream.write_all(head.as_bytes()).await?;
        if !request.is_head {
            stream.write_all(&content).await?;
        }
        if request.is_last {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

struct Request {
    is_head: bool,
    /// HTTP/1.0: the answer ends with the connection.
    is_last: bool,
    path: String,
    websocket_key: Option<String>,
}

/// One request, its body read and thrown away; none at the end of the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let is_head = words.next() == Some("HEAD");
    let target = words.next().unwrap_or("/").to_owned();
    let is_last = words.next() == Some("HTTP/1.0");
    let (mut length, mut websocket_key) = (0_u64, None);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "sec-websocket-key" => websocket_key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    tokio::io::copy(&mut (&mut *stream).take(length), &mut tokio::io::sink()).await?;
    let path = target.split(['?', '#']).next().unwrap_or("/").to_owned();
    Ok(Some(Request { is_head, is_last, path, websocket_key }))
}

fn answer(path: &str, files: &Files) -> (&'static str, &'static str, Vec<u8>) {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let files = lock(files);
    let held = files.iter().find(|(path, _)| path.as_str() == name);
    match held {
        Some((_, file)) => ("200 OK", content_type(name), file.content.to_vec()),
        None if name == "index.html" => ("200 OK", content_type(name), INDEX.into()),
        None if name == "@vite/client" => ("200 OK", "text/javascript", b"export {}\n".to_vec()),
        None => ("404 Not Found", "text/plain", b"Not found\n".to_vec()),
    }
}

/// As a dev server sends it: what is compiled to JavaScript is JavaScript.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html",
        "js" | "mjs" | "ts" | "tsx" | "jsx" | "vue" | "svelte" | "css" => "text/javascript",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}
