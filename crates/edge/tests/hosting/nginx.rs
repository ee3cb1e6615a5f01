//! The same requests to nginx over the same files: where the answers differ, the difference is written down here.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::UnixStream;

use super::client::{Answer, Client};
use super::support::World;
use vitrine_model::hosting::Fallback;

const FILES: [(&str, &[u8]); 9] = [
    ("index.html", b"<p>front</p>"),
    ("about.html", b"<p>about</p>"),
    ("blog/index.html", b"<p>blog</p>"),
    ("style.css", b"abcdefghijklmnopqrstuvwxyz"),
    ("style.css.gz", b"gzipped"),
    ("empty.txt", b""),
    ("data.json", b"{\"a\": 1}"),
    ("with space.txt", b"spaced"),
    ("image.png", &[0x89; 30_000]),
];

const TARGETS: [&str; 24] = [
    "/",
    "/index.html",
    "/?query",
    "/about",
    "/about.html",
    "/blog/",
    "/blog/index.html",
    "/style.css",
    "/style.css?v=1",
    "/%73tyle.css",
    "/empty.txt",
    "/data.json",
    "/with%20space.txt",
    "/image.png",
    "/nothing",
    "/nothing.css",
    "/blog/x",
    "/about/",
    "/STYLE.css",
    "/style.css/",
    "/%00",
    "/%zz",
    "/..%2fetc/passwd",
    "/blog/%2e%2e/about.html",
];

const ENCODINGS: [&str; 6] = ["", "gzip", "gzip;q=0", "gzip, br;q=0.5", "identity", "*"];

const RANGES: [&str; 12] = [
    "",
    "bytes=0-0",
    "bytes=0-",
    "bytes=2-4",
    "bytes=-5",
    "bytes=-99999999",
    "bytes=99999999-",
    "bytes=-0",
    "bytes=0-1,4-5",
    "bytes=0-0,99999999-",
    "bytes=5-2",
    "lines=1-2",
];

const CONDITIONS: [(&str, &str); 10] = [
    ("X", "y"),
    ("If-None-Match", "{etag}"),
    ("If-None-Match", "W/{etag}"),
    ("If-None-Match", "\"other\", {etag}"),
    ("If-None-Match", "*"),
    ("If-None-Match", "\"other\""),
    ("If-Match", "{etag}"),
    ("If-Match", "\"other\""),
    ("If-Range", "{etag}"),
    ("If-Range", "\"other\""),
];

/// One request of the matrix.
struct Case {
    method: &'static str,
    target: &'static str,
    encoding: &'static str,
    range: &'static str,
    condition: (&'static str, &'static str),
}

/// Where Vitrine answers otherwise than nginx 1.22, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// nginx answers `Range` on `HEAD`; RFC 9110, 14.2 says that it must be ignored.
    RangeOnHead,
    /// nginx answers 416 to ranges that are none; RFC 9110, 14.2 lets them be ignored, and a whole file helps more.
    MalformedRange,
    /// nginx serves ranges of the compressed form; we serve them of the plain one.
    RangeOfCompressed,
    /// nginx resolves encoded dot segments; we refuse them.
    DotSegments,
    /// nginx takes `*` for «no gzip»; RFC 9110, 12.5.3 says it stands for every coding not named.
    AnyEncoding,
    /// nginx sends an empty file whole for most ranges; no range has any of its bytes, so we answer 416.
    RangeOfNothing,
}

impl Case {
    fn differs(&self) -> Option<Difference> {
        let is_css = self.target.contains("tyle.css") && !self.target.ends_with('/');
        if self.target.contains("/%2e%2e/") {
            return Some(Difference::DotSegments);
        }
        if is_css && self.encoding == "*" {
            return Some(Difference::AnyEncoding);
        }
        if self.range.is_empty() {
            return None;
        }
        if self.method == "HEAD" {
            return Some(Difference::RangeOnHead);
        }
        if self.range == "bytes=5-2" || self.range == "lines=1-2" {
            return Some(Difference::MalformedRange);
        }
        if is_css && self.encoding.starts_with("gzip") && self.encoding != "gzip;q=0" {
            return Some(Difference::RangeOfCompressed);
        }
        if self.target == "/empty.txt" {
            return Some(Difference::RangeOfNothing);
        }
        None
    }

    async fn ask(&self, client: &mut Client, etag: &str) -> Answer {
        let (name, value) = self.condition;
        let value = value.replace("{etag}", etag);
        let mut fields = vec![(name, value.as_str())];
        if !self.encoding.is_empty() {
            fields.push(("Accept-Encoding", self.encoding));
        }
        if !self.range.is_empty() {
            fields.push(("Range", self.range));
        }
        client.ask(self.method, self.target, &fields).await
    }
}

fn matrix() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["GET", "HEAD"] {
        for target in TARGETS {
            for encoding in ENCODINGS {
                // Ranges mean nothing on HEAD, and nothing new with every encoding: some are enough to see it.
                let ranges = match (method, encoding) {
                    ("GET", "" | "gzip") => RANGES.len(),
                    ("HEAD", "") => 2,
                    _ => 1,
                };
                for range in RANGES.into_iter().take(ranges) {
                    cases.extend(CONDITIONS.map(|condition| Case {
                        method,
                        target,
                        encoding,
                        range,
                        condition,
                    }));
                }
            }
        }
    }
    cases
}

/// nginx over a directory, ended with the test.
struct Nginx {
    process: Child,
    dir: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nginx {
    fn start(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join("root").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        std::fs::write(dir.path().join("nginx.conf"), configuration(dir.path())).unwrap();
        let mut command = Command::new(program());
        command.arg("-p").arg(dir.path()).arg("-c").arg(dir.path().join("nginx.conf"));
        command.args(["-e", "stderr"]).stdin(Stdio::null());
        let process = command.spawn().expect("nginx; scripts/setup-tests installs it");
        let nginx = Self { process, dir };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(nginx.socket()).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::yield_now();
        }
        nginx
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("socket")
    }

    async fn client(&self) -> Client {
        Client::new(UnixStream::connect(self.socket()).await.unwrap(), "site.apps.localhost")
    }
}

impl Nginx {
    /// One answer; nginx ends the connection after some errors without saying so, so that there is a new one after each.
    async fn ask(&self, client: &mut Client, case: &Case, etag: &str) -> Answer {
        let answer = case.ask(client, etag).await;
        if answer.status >= 400 {
            *client = self.client().await;
        }
        answer
    }
}

/// Debian puts it where only root's `PATH` looks.
fn program() -> &'static str {
    let path = "/usr/sbin/nginx";
    if Path::new(path).exists() { path } else { "nginx" }
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "daemon off; master_process off; pid {dir}/pid; error_log stderr crit;
         events {{}}
         http {{
           access_log off; keepalive_requests 1000000; etag on; if_modified_since off;
           client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
           uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
           types {{ text/html html; text/css css; text/plain txt; application/json json; image/png png; }}
           charset utf-8; charset_types text/css text/plain;
           gzip_static on; gzip_vary on;
           server {{
             listen unix:{dir}/socket; root {dir}/root; absolute_redirect off;
             location / {{ try_files $uri $uri.html $uri/index.html =404; }}
             location ~ /$ {{ try_files ${{uri}}index.html =404; }}
           }}
         }}"
    )
}

/// What has to be the same.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    if answer.status >= 400 {
        // Words of their own.
        return (
            answer.status,
            vec![("content-range".to_owned(), answer.header("content-range").to_owned())],
            Vec::new(),
        );
    }
    let boundary =
        answer.header("content-type").split_once("boundary=").map(|(_, boundary)| boundary.to_owned());
    let normal = |text: &str| match &boundary {
        Some(boundary) => text.replace(boundary.as_str(), "B"),
        None => text.to_owned(),
    };
    let mut names = vec!["content-type", "content-encoding", "content-range", "vary"];
    if boundary.is_none() {
        names.push("content-length");
    }
    if answer.status == 304 {
        names.retain(|name| *name == "vary");
    }
    let fields = names.iter().map(|name| ((*name).to_owned(), normal(answer.header(name)))).collect();
    let body = match &boundary {
        // Text in the cases with several parts.
        Some(_) => normal(&String::from_utf8_lossy(&answer.body)).into_bytes(),
        None => answer.body.clone(),
    };
    (answer.status, fields, body)
}

#[tokio::test]
async fn answers_are_those_of_nginx_but_for_the_differences_written_down() {
    let nginx = Nginx::start(&FILES);
    let world = World::new().await;
    world.publish(&FILES, |site| site.settings.fallback = Fallback::NotFound);
    let (mut ours, mut theirs) = (world.visitor().await, nginx.client().await);
    let (mut compared, mut differing) = (0, BTreeMap::new());
    let mut tags = HashMap::new();
    for case in matrix() {
        let (our_tag, their_tag) = match tags.get(&(case.target, case.encoding)) {
            Some(tags) => tags,
            None => {
                let plain = Case { range: "", condition: ("X", "y"), method: "GET", ..case };
                let our = plain.ask(&mut ours, "").await.header("etag").to_owned();
                let their = nginx.ask(&mut theirs, &plain, "").await.header("etag").to_owned();
                tags.entry((case.target, case.encoding)).or_insert((our, their))
            }
        };
        let our = case.ask(&mut ours, our_tag).await;
        let their = nginx.ask(&mut theirs, &case, their_tag).await;
        let is_same = comparable(&our) == comparable(&their);
        match case.differs() {
            Some(difference) if !is_same => *differing.entry(difference).or_insert(0) += 1,
            Some(_) => {}
            None => {
                let Case { method, target, encoding, range, condition } = case;
                assert!(
                    is_same,
                    "{method} {target} {encoding:?} {range:?} {condition:?}\n{our:?}\n{their:?}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000, "{compared} compared");
    // A difference that is never seen is no difference.
    assert_eq!(differing.len(), 6, "{differing:?}");
}
