//! Which file an address names, and what is answered when it names none.

use super::support::{World, site};
use vitrine_model::hosting::Fallback;

const PAGES: [(&str, &[u8]); 7] = [
    ("index.html", b"front"),
    ("about.html", b"about"),
    ("blog/index.html", b"blog"),
    ("both.html", b"file"),
    ("both/index.html", b"folder"),
    ("caf\u{e9} 100%.txt", b"coffee"),
    ("assets/app-DfG3kLm2.js", b"script"),
];

#[tokio::test]
async fn an_address_names_a_file_a_page_or_a_folders_page() {
    let world = World::of(&PAGES).await;
    let mut client = world.visitor().await;
    for (target, body) in [
        ("/", "front"),
        ("/?a=/../b", "front"),
        ("/index.html", "front"),
        ("/about", "about"),
        ("/about.html", "about"),
        ("/%61bout", "about"),
        ("/blog/", "blog"),
        ("/both", "file"),
        ("/both/", "folder"),
        ("/caf%C3%A9%20100%25.txt", "coffee"),
        ("/cafe%CC%81%20100%25.txt", "coffee"),
    ] {
        let answer = client.get(target).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{target}");
    }
}

#[tokio::test]
async fn a_folder_without_its_slash_is_sent_to_it() {
    let world = World::of(&PAGES).await;
    let mut client = world.visitor().await;
    for (target, location) in [("/blog", "/blog/"), ("/blog?a=1&b", "/blog/?a=1&b"), ("/%62log", "/blog/")] {
        let answer = client.get(target).await;
        assert_eq!((answer.status, answer.header("location")), (308, location), "{target}");
    }
    // What would read as another host is nothing.
    assert_eq!(client.get("//blog").await.status, 404);
}

#[tokio::test]
async fn no_spelling_reaches_another_file() {
    let world = World::of(&PAGES).await;
    let mut hyper = world.hyper_visitor().await;
    let mut front = world.visitor().await;
    let dots = [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "..%2f",
        "..%5c",
        "..\\",
        "%c0%ae%c0%ae",
        "....//",
        ".",
    ];
    for dot in dots {
        for target in [
            format!("/{dot}/etc/passwd"),
            format!("/blog/{dot}/about.html"),
            format!("/blog/{dot}/{dot}/about.html"),
            format!("/{dot}"),
            format!("/blog%2f{dot}%2fabout.html"),
        ] {
            if target.contains('\\') {
                continue;
            }
            let answers = [front.get(&target).await, hyper.get(&target).await];
            for answer in answers {
                assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
            }
        }
    }
    for target in [
        "/about.html%00",
        "/about.html%00.js",
        "/about%2ehtml%2f",
        "/%2fetc",
        "/blog%2findex.html",
        "/%ff",
        "/%",
        "/%1",
        "/a%0d%0ab",
        "/%5cabout.html",
        "/ABOUT.html",
        "/about.html/",
        "/index.html/x",
        "/about.html.",
    ] {
        let answer = front.get(target).await;
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
    }
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let world = World::of(&PAGES).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let mut client = world.visitor().await;
        for target in ["/", "/nothing"] {
            let answer = client.ask(method, target, &[("Content-Length", "0")]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method} {target}");
        }
    }
}

#[tokio::test]
async fn only_navigations_get_the_page_of_an_app_with_a_router() {
    let world = World::of(&[("index.html", b"app"), ("assets/a-DfG3kLm2.js", b"script")]).await;
    let mut client = world.visitor().await;
    for target in ["/users/42", "/users/ada.lovelace", "/v1.2", "/deep/er/"] {
        let answer = client.navigate(target).await;
        assert_eq!((answer.status, answer.text()), (200, "app"), "{target}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(client.get(target).await.status, 404, "{target} by a program");
    }
    for target in ["/assets/gone-DfG3kLm2.js", "/x.css", "/users/42.png", "/.vitrine/x", "/.vitrine"] {
        let answer = client.navigate(target).await;
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.text().contains("app\n") && answer.text() != "app", "{target}");
    }
    let fetch = client.ask("GET", "/users/42", &[("Accept", "text/html"), ("Sec-Fetch-Mode", "cors")]).await;
    assert_eq!(fetch.status, 404);
    let plain = client.ask("GET", "/users/42", &[("Accept", "text/html")]).await;
    assert_eq!(plain.status, 200);
}

#[tokio::test]
async fn a_page_served_for_a_deeper_address_finds_its_files() {
    let files: [(&str, &[u8]); 3] =
        [("index.html", b"app"), ("assets/a-DfG3kLm2.js", b"script"), ("icon.svg", b"<svg/>")];
    let world = World::of(&files).await;
    let mut client = world.visitor().await;
    assert_eq!(client.navigate("/docs/intro/first").await.text(), "app");
    for target in ["/docs/intro/assets/a-DfG3kLm2.js", "/docs/assets/a-DfG3kLm2.js"] {
        let answer = client.get(target).await;
        assert_eq!((answer.status, answer.text()), (200, "script"), "{target}");
    }
    assert_eq!(client.get("/docs/intro/icon.svg").await.status, 200);
    for target in ["/docs/intro/index.html", "/docs/assets/gone-DfG3kLm2.js", "/1/2/3/4/5/6/7/8/9/icon.svg"] {
        assert_eq!(client.get(target).await.status, 404, "{target}");
    }
    let pages: [(&str, &[u8]); 3] = [("index.html", b"one"), ("two.html", b"two"), ("icon.svg", b"<svg/>")];
    let world = World::of(&pages).await;
    let answer = world.visitor().await.get("/docs/icon.svg").await;
    assert_eq!(answer.status, 404, "unknown addresses get no page, so no page asks from there");
}

#[tokio::test]
async fn the_fallback_is_as_the_owner_set_it_or_as_the_files_suggest() {
    let one: &[(&str, &[u8])] = &[("index.html", b"app")];
    let several: &[(&str, &[u8])] = &[("index.html", b"app"), ("about.html", b"about")];
    let own: &[(&str, &[u8])] = &[("index.html", b"app"), ("404.html", b"own")];
    for (files, fallback, status, body) in [
        (one, Fallback::Auto, 200, Some("app")),
        (one, Fallback::NotFound, 404, None),
        (several, Fallback::Auto, 404, None),
        (several, Fallback::Page, 200, Some("app")),
        (own, Fallback::Auto, 404, Some("own")),
        (own, Fallback::Page, 200, Some("app")),
        (own, Fallback::NotFound, 404, Some("own")),
    ] {
        let world = World::new().await;
        world.publish(files, |site| site.settings.fallback = fallback);
        let mut client = world.visitor().await;
        let answer = client.navigate("/nowhere").await;
        assert_eq!(answer.status, status, "{fallback:?}");
        assert!(body.is_none_or(|body| answer.text() == body), "{fallback:?}");
        assert!(answer.header("content-type").starts_with("text/html"));
        let asset = client.navigate("/nowhere.js").await;
        assert_eq!((asset.status, asset.text()), (404, "Not found.\n"));
    }
}

#[tokio::test]
async fn an_open_tab_finds_the_parts_of_an_earlier_release_but_not_its_pages() {
    let world = World::new().await;
    let first = world.source.manifest(&[
        ("index.html", b"1"),
        ("old.html", b"old"),
        ("a-Ab1cdEf2.js", b"one"),
        ("x.js", b"1"),
    ]);
    let second = world.source.manifest(&[("a-Ab1cdEf2.js", b"two"), ("only2-Ab1cdEf2.js", b"2")]);
    let now = world.source.manifest(&[("index.html", b"3"), ("x.js", b"3")]);
    let mut current = site(now);
    current.earlier = vec![second, first];
    world.source.publish(&current);
    let mut client = world.visitor().await;
    for (target, body) in [("/", "3"), ("/x.js", "3"), ("/a-Ab1cdEf2.js", "two"), ("/only2-Ab1cdEf2.js", "2")]
    {
        assert_eq!(client.get(target).await.text(), body, "{target}");
    }
    assert_eq!(client.get("/old.html").await.status, 404);
    assert_eq!(client.get("/old").await.status, 404);
}

#[tokio::test]
async fn the_cdn_path_serves_an_artifact_beneath_its_revision() {
    let world = World::of(&PAGES).await;
    let site = world.publish(&PAGES, |_| {});
    let base = vitrine_edge::cdn_path("site", &site.artifact);
    let mut client = world.client("site.cdn.localhost").await;
    for (path, body) in [("", "front"), ("about", "about"), ("assets/app-DfG3kLm2.js", "script")] {
        let answer = client.get(&format!("{base}{path}")).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
    }
    let folder = client.get(&format!("{base}blog?q")).await;
    assert_eq!((folder.status, folder.header("location")), (308, format!("{base}blog/?q").as_str()));
    let root = client.get(base.trim_end_matches('/')).await;
    assert_eq!((root.status, root.header("location")), (308, base.as_str()));
    let plain = client.get(&format!("{base}caf%C3%A9%20100%25.txt")).await;
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    for target in ["/", "/apps/site/", "/apps/other/x/", "/apps/site/art_x/", &base.replace("site", "sit")] {
        assert_eq!(client.get(target).await.status, 404, "{target}");
    }
    assert!(matches!(client.get(&format!("{base}../x")).await.status, 400 | 404));
}
