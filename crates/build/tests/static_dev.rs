//! The static dev server, run by the host's Node.js: types, refusals, ranges and live reload.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it exactly as the profile does, but with the host's Node.js and in `dir`.
fn start(dir: &Path) -> Server {
    let files = [("index.html".parse().unwrap(), b"".to_vec().into())].into();
    let detected = vitrine_build::profile::detect(&files, None).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = vitrine_build::profile::DevSettings {
        port,
        preview_host_suffix: "preview.localhost",
        timezone: "UTC",
        has_prebundle: false,
        has_compile_cache: false,
        marks_elements: false,
    };
    let command = detected.dev_command(None, &settings).unwrap();
    let mut child = Command::new("node")
        .args(&command.argv[1..])
        .env("PORT", port.to_string())
        .current_dir(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(&port.to_string()), "{line}");
    Server { child, port }
}

impl Server {
    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn get(&self, path: &str, headers: &str) -> String {
        let mut answer = Vec::new();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        self.send(&request).read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn site() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join("site").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("index.html", "<!doctype html><head></head><p>home");
    write("about.html", "<p>about");
    write("docs/index.html", "<p>docs");
    write("app.js", "export {}");
    write("a.svg", "<svg/>");
    write("clip.mp4", "0123456789");
    write(".env", "SECRET=1");
    write("node_modules/x.js", "x");
    std::fs::write(dir.path().join("outside.txt"), "outside").unwrap();
    std::os::unix::fs::symlink("../outside.txt", dir.path().join("site/link.txt")).unwrap();
    dir
}

#[test]
fn files_are_served_with_their_types_and_pages_with_the_client() {
    let dir = site();
    let server = start(&dir.path().join("site"));
    let home = server.get("/", "");
    assert!(home.starts_with("HTTP/1.1 200") && home.contains("EventSource") && home.contains("<p>home"));
    assert!(home.find("EventSource") < home.find("</head>"));
    assert!(server.get("/about", "").contains("<p>about"));
    assert!(server.get("/docs", "").contains("Location: /docs/"));
    assert!(server.get("/docs/?a=1", "").contains("<p>docs"));
    assert!(server.get("/app.js", "").contains("Content-Type: text/javascript"));
    assert!(server.get("/a.svg", "").contains("Content-Type: image/svg+xml"));
    let part = server.get("/clip.mp4", "Range: bytes=2-4\r\n");
    assert!(part.starts_with("HTTP/1.1 206") && part.ends_with("\r\n\r\n234"), "{part}");
}

#[test]
fn nothing_hidden_or_outside_is_served() {
    let dir = site();
    let server = start(&dir.path().join("site"));
    for path in [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/%2e%2e%2foutside.txt",
        "//../outside.txt",
        "/link.txt",
        "/.env",
        "/%2eenv",
        "/node_modules/x.js",
        "/a%00.svg",
        "/%ff",
        "/a\\..\\..\\outside.txt",
        "/missing.js",
    ] {
        let answer = server.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(!answer.contains("outside\n") && !answer.contains("SECRET"), "{path}");
    }
    let mut answer = String::new();
    server
        .send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .read_to_string(&mut answer)
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 405"));
}

#[test]
fn an_open_page_hears_of_changes() {
    let dir = site();
    let server = start(&dir.path().join("site"));
    let stream = server.send("GET /__vitrine/reload HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("retry:")));
    std::fs::write(dir.path().join("site/index.html"), "<p>changed").unwrap();
    assert!(lines.any(|line| line == "event: reload"));
}
