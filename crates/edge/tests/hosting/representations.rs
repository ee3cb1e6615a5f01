//! Forms, tags, conditions, ranges and headers.

use super::client::Answer;
use super::support::World;
use vitrine_edge::Scheme;

static LARGE: [u8; 50_000] = {
    let mut bytes = [0; 50_000];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = (at % 251) as u8;
        at += 1;
    }
    bytes
};

static FILES: [(&str, &[u8]); 8] = [
    ("index.html", b"<p>page</p>"),
    ("a.css", b"0123456789"),
    ("a.css.gz", b"GZIP5"),
    ("a.css.br", b"BR3"),
    ("a.css.zst", b"ZST4"),
    ("large.bin", &LARGE),
    ("empty.txt", b""),
    ("pic.svg", b"<svg/>"),
];

#[tokio::test]
async fn the_form_is_the_one_the_client_prefers() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    for (accept, encoding, body) in [
        ("", "", "0123456789"),
        ("gzip, deflate, br, zstd", "br", "BR3"),
        ("gzip;q=1, br;q=0.9", "gzip", "GZIP5"),
        ("zstd, br;q=0", "zstd", "ZST4"),
        ("identity;q=0, gzip;q=0.1", "gzip", "GZIP5"),
        ("identity;q=0", "", "0123456789"),
        ("*", "br", "BR3"),
    ] {
        let answer = client.ask("GET", "/a.css", &[("Accept-Encoding", accept)]).await;
        assert_eq!((answer.header("content-encoding"), answer.text()), (encoding, body), "{accept}");
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    }
    let plain = client.ask("GET", "/large.bin", &[("Accept-Encoding", "br")]).await;
    assert_eq!((plain.header("vary"), plain.body.as_slice()), ("", &LARGE[..]));
}

#[tokio::test]
async fn each_form_has_a_tag_of_its_own_that_spares_the_body() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    let mut tags = Vec::new();
    for accept in ["", "br", "gzip", "zstd"] {
        let whole = client.ask("GET", "/a.css", &[("Accept-Encoding", accept)]).await;
        let tag = whole.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for held in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let fields = [("Accept-Encoding", accept), ("If-None-Match", held.as_str())];
            for method in ["GET", "HEAD"] {
                let answer = client.ask(method, "/a.css", &fields).await;
                assert_eq!((answer.status, answer.header("etag")), (304, tag.as_str()), "{accept} {held}");
                assert_eq!((answer.header("content-length"), answer.header("vary")), ("", "Accept-Encoding"));
                assert_eq!(answer.header("cache-control"), whole.header("cache-control"));
            }
        }
        let other =
            client.ask("GET", "/a.css", &[("Accept-Encoding", accept), ("If-None-Match", "\"x\"")]).await;
        assert_eq!(other.status, 200);
        let failed = client.ask("GET", "/a.css", &[("If-Match", "\"x\"")]).await;
        assert_eq!(failed.status, 412);
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[tokio::test]
async fn a_range_is_of_the_plain_form() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    let tag = client.get("/a.css").await.header("etag").to_owned();
    for (range, content_range, body) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=0-99,50-", "bytes 0-9/10", "0123456789"),
    ] {
        let fields = [("Range", range), ("Accept-Encoding", "br"), ("If-Range", tag.as_str())];
        let answer = client.ask("GET", "/a.css", &fields).await;
        assert_eq!(
            (answer.status, answer.header("content-range"), answer.text()),
            (206, content_range, body),
            "{range}"
        );
        assert_eq!((answer.header("content-encoding"), answer.header("etag")), ("", tag.as_str()));
    }
    let gone = client.ask("GET", "/a.css", &[("Range", "bytes=10-")]).await;
    assert_eq!((gone.status, gone.header("content-range")), (416, "bytes */10"));
    for (name, value) in [("If-Range", "\"x\""), ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")] {
        let answer = client.ask("GET", "/a.css", &[("Range", "bytes=0-0"), (name, value)]).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(client.ask("HEAD", "/a.css", &[("Range", "bytes=0-0")]).await.status, 200);
    assert_eq!(client.ask("GET", "/empty.txt", &[("Range", "bytes=0-")]).await.status, 416);
    assert_eq!(client.get("/empty.txt").await.header("content-length"), "0");
}

#[tokio::test]
async fn parts_of_files_and_of_memory_arrive_by_either_way() {
    let world = World::of(&FILES).await;
    for mut client in [world.visitor().await, world.hyper_visitor().await] {
        let whole = client.get("/large.bin").await;
        assert_eq!((whole.status, whole.body.as_slice()), (200, &LARGE[..]));
        let one = client.ask("GET", "/large.bin", &[("Range", "bytes=100-40099")]).await;
        assert_eq!((one.status, one.body.as_slice()), (206, &LARGE[100..40_100]));
        for (target, content) in [("/large.bin", &LARGE[..]), ("/a.css", b"0123456789")] {
            let answer = client.ask("GET", target, &[("Range", "bytes=0-1,5-7,-1")]).await;
            assert_eq!(answer.status, 206);
            let last = content.len() - 1;
            assert_eq!(parts(&answer), [&content[0..2], &content[5..8], &content[last..]], "{target}");
        }
    }
}

/// The parts of a multipart answer.
fn parts(answer: &Answer) -> Vec<&[u8]> {
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mark = format!("\r\n--{boundary}");
    let mut rest = answer.body.as_slice();
    let mut parts = Vec::new();
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|window| window == what);
    rest = &rest[find(rest, mark.as_bytes()).unwrap() + mark.len()..];
    while let Some(end) = find(rest, mark.as_bytes()) {
        let body = find(rest, b"\r\n\r\n").unwrap() + 4;
        parts.push(&rest[body..end]);
        rest = &rest[end + mark.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    parts
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::of(&FILES).await;
    for mut client in [world.visitor().await, world.hyper_visitor().await] {
        for target in
            ["/", "/a.css", "/large.bin", "/empty.txt", "/nothing", "/%ff", "/.vitrine/runtime-config"]
        {
            for accept in ["", "gzip"] {
                let fields = [("Accept-Encoding", accept)];
                let get = client.ask("GET", target, &fields).await;
                let head = client.ask("HEAD", target, &fields).await;
                assert_eq!((head.status, sorted(&head)), (get.status, sorted(&get)), "{target}");
            }
        }
    }
}

#[tokio::test]
async fn both_ways_give_the_same_answer() {
    let world = World::of(&FILES).await;
    let (mut front, mut hyper) = (world.visitor().await, world.hyper_visitor().await);
    // The front's date is the test's clock, hyper's is the machine's: these are two ways.
    assert_eq!(front.get("/").await.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    assert_ne!(hyper.get("/").await.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    let tag = front.get("/a.css").await.header("etag").to_owned();
    let mut compared = 0;
    for target in [
        "/",
        "/a.css",
        "/large.bin",
        "/empty.txt",
        "/pic.svg",
        "/nothing",
        "/nothing.js",
        "/a/../b",
        "/%00",
        "/x?y",
    ] {
        for method in ["GET", "HEAD"] {
            for accept in ["", "br", "gzip;q=0.5, identity", "*;q=0"] {
                for (name, value) in [
                    ("X", "y"),
                    ("Range", "bytes=1-2"),
                    ("Range", "bytes=1-2,4-5"),
                    ("Range", "bytes=99999-"),
                    ("Range", "nonsense"),
                    ("If-None-Match", tag.as_str()),
                    ("If-Match", tag.as_str()),
                    ("Accept", "text/html"),
                    ("Sec-Fetch-Mode", "navigate"),
                ] {
                    let fields = [("Accept-Encoding", accept), (name, value)];
                    let one = front.ask(method, target, &fields).await;
                    let other = hyper.ask(method, target, &fields).await;
                    assert_eq!(
                        (one.status, &one.body),
                        (other.status, &other.body),
                        "{method} {target} {fields:?}"
                    );
                    assert_eq!(sorted(&one), sorted(&other), "{method} {target} {fields:?}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 720);
}

/// The fields but for the date, in lower case, sorted.
fn sorted(answer: &Answer) -> Vec<(String, &str)> {
    let mut fields: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    fields.retain(|(name, _)| name != "date");
    fields.sort();
    fields
}

#[tokio::test]
async fn documents_carry_a_policy_and_everything_is_taken_at_its_word() {
    let world = World::with(|config| config.scheme = Scheme::Https).await;
    world.publish(&FILES, |site| site.settings.frame_ancestors = vec!["https://host.example".to_owned()]);
    let mut client = world.visitor().await;
    for target in ["/", "/pic.svg"] {
        let page = client.get(target).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'; script-src 'self';"), "{policy}");
        assert!(policy.ends_with("frame-ancestors https://host.example"), "{policy}");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        assert!(page.header("permissions-policy").contains("camera=(self)"));
    }
    let style = client.get("/a.css").await;
    assert_eq!(style.header("content-security-policy"), "");
    for answer in [client.get("/").await, style] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    }
    let tag = client.get("/").await.header("etag").to_owned();
    let held = client.ask("GET", "/", &[("If-None-Match", &tag)]).await;
    assert_eq!(held.status, 304);
    assert!(
        held.header("content-security-policy").contains("host.example"),
        "a changed policy reaches kept pages"
    );
}

#[tokio::test]
async fn what_is_hashed_is_kept_for_ever_pages_never_and_the_rest_is_asked_for() {
    let files: [(&str, &[u8]); 4] = [
        ("index.html", b"page"),
        ("assets/a-DfG3kLm2.js", b"1"),
        ("_astro/b.CqW3bTz9.css", b"2"),
        ("robots.txt", b"3"),
    ];
    let world = World::of(&files).await;
    let mut client = world.visitor().await;
    for (target, expected) in [
        ("/", "no-cache"),
        ("/assets/a-DfG3kLm2.js", "public, max-age=31536000, immutable"),
        ("/_astro/b.CqW3bTz9.css", "public, max-age=31536000, immutable"),
        ("/robots.txt", "public, max-age=0, must-revalidate"),
        ("/nothing", "no-store"),
    ] {
        assert_eq!(client.get(target).await.header("cache-control"), expected, "{target}");
    }
}
