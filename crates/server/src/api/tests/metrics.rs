//! The figures for Prometheus: that they are what it reads, that they move, and who may read them.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;
use vitrine_model::problem::Code;

use super::harness::{Answer, KEY, TestServer};
use super::machine::until_counted;
use super::resting::{Visitor, frozen};

const METRICS_KEY: &str = "scrape-me-every-now-and-then";

/// Every label there is, but for a histogram's `le`.
const LABELS: [&str; 7] = ["state", "sandbox", "from", "of", "outcome", "direction", "version"];

/// More series than this would mean that they grow with something.
const MOST_SERIES: usize = 150;

/// What Prometheus makes of the text.
struct Scrape {
    /// Kind by name.
    families: BTreeMap<String, String>,
    /// Value by name and labels, as written.
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    async fn of(server: &TestServer) -> Self {
        let answer = server.get("/metrics").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
        Self::parse(answer.text())
    }

    /// Reads the text as strictly as its format is written down.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let mut helped = None;
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.') && !help.contains('\\'), "{line}");
                helped = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(helped.take().as_deref(), Some(name), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {name}");
                family = name.to_owned();
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                let rest = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line} in {family}"));
                let parts: &[&str] = match families[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(parts.contains(&rest), "{line}");
                assert!(
                    samples.insert(series.to_owned(), value.parse().unwrap()).is_none(),
                    "twice: {series}"
                );
            }
        }
        Self { families, samples }
    }

    fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series}"))
    }
}

async fn read_with(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/metrics");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn names_and_kinds_are_as_prometheus_asks() {
    let scrape = Scrape::of(&TestServer::start().await).await;
    assert!(scrape.families.len() > 40, "{:?}", scrape.families.keys());
    for (name, kind) in &scrape.families {
        assert!(name.starts_with("vitrine_") || name.starts_with("process_"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
    }
}

#[tokio::test]
async fn a_session_that_starts_freezes_and_goes_on_is_counted() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let before = Scrape::of(&server).await;
    assert_eq!(before.value("vitrine_starts_total"), 0.0);
    assert_eq!(before.value(r#"vitrine_sandboxes{state="running"}"#), 0.0);
    let visitor = Visitor::of(&server, &app).await;
    until_counted(&server, "running", 1).await;
    let running = Scrape::of(&server).await;
    assert_eq!(running.value("vitrine_starts_total"), 1.0);
    assert_eq!(running.value(r#"vitrine_start_duration_seconds_count{sandbox="new"}"#), 1.0);
    assert_eq!(running.value(r#"vitrine_start_duration_seconds_bucket{sandbox="new",le="+Inf"}"#), 1.0);
    assert_eq!(running.value(r#"vitrine_sandboxes{state="running"}"#), 1.0);
    assert_eq!(running.value(r#"vitrine_sessions{state="running"}"#), 1.0);
    assert!(running.value("vitrine_sandboxes_memory_bytes") > 0.0);
    assert!(running.value("vitrine_limit_checks_total") > before.value("vitrine_limit_checks_total"));
    frozen(&server, &app).await;
    visitor.sees(&server, "").await;
    let thawed = Scrape::of(&server).await;
    assert_eq!(thawed.value("vitrine_freezes_total"), 1.0);
    assert_eq!(thawed.value(r#"vitrine_wake_duration_seconds_count{from="frozen"}"#), 1.0);
    for (series, value) in &thawed.samples {
        let kind = &thawed.families.iter().rfind(|(name, _)| series.starts_with(name.as_str())).unwrap().1;
        assert!(*kind == "gauge" || before.samples[series] <= *value, "{series} has become less");
    }
}

#[tokio::test]
async fn visits_of_published_apps_are_counted() {
    let server = TestServer::start().await;
    let app = server.site("<h1>ours</h1>").await;
    assert_eq!(server.publish(&app).await["status"], "succeeded");
    let slug = server.get(&format!("/v1/apps/{app}")).await.json()["slug"].as_str().unwrap().to_owned();
    let before = Scrape::of(&server).await.value("vitrine_hosting_responses_total");
    server.visit(&slug, "/").await.unwrap();
    // Given out to be written down, and counted all the same.
    server.services.hosting.drain_usage();
    assert_eq!(Scrape::of(&server).await.value("vitrine_hosting_responses_total"), before + 1.0);
}

#[tokio::test]
async fn how_many_series_there_are_does_not_depend_on_apps_tenants_or_people() {
    let server = TestServer::start().await;
    let apps = [server.app().await, server.app().await];
    let before = Scrape::of(&server).await;
    for app in &apps {
        Visitor::of(&server, app).await;
    }
    let (tenant, _) = server.tenant("Others").await;
    server.person(KEY, "somebody@example.com", "viewer").await;
    let answer = server.get("/metrics").await;
    let after = Scrape::parse(answer.text());
    assert_eq!(before.samples.keys().collect::<Vec<_>>(), after.samples.keys().collect::<Vec<_>>());
    assert!(after.samples.len() <= MOST_SERIES, "{}", after.samples.len());
    let names = after.samples.keys().flat_map(|series| series.split(['{', ',']).skip(1));
    let labels: BTreeSet<_> = names.map(|label| label.split('=').next().unwrap()).collect();
    assert_eq!(labels, LABELS.into_iter().chain(["le"]).collect());
    for id in apps.iter().map(|app| app.to_string()).chain([tenant]) {
        assert!(!answer.text().contains(&id));
    }
}

#[tokio::test]
async fn only_their_own_key_and_the_admin_key_open_them() {
    let server = TestServer::start_with(|config| config.server.metrics_key = METRICS_KEY.to_owned()).await;
    let owner = server.key(KEY, json!({ "name": "all", "role": "owner" })).await;
    let cookie = server.owners_browser().await;
    let bearer = |key: &str| format!("Bearer {key}");
    let (owner, wrong) = (bearer(&owner), bearer(&METRICS_KEY[1..]));
    let strangers: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", &owner)],
        &[("authorization", &wrong)],
        &[("authorization", "Bearer ")],
        &[("authorization", METRICS_KEY)],
        &[("cookie", &cookie)],
    ];
    for headers in strangers {
        let refused = read_with(&server, headers).await;
        assert_eq!(refused.code(), Code::Unauthenticated, "{headers:?}");
        assert_eq!(refused.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!refused.text().contains("vitrine_sandboxes"));
    }
    for key in [METRICS_KEY, KEY] {
        assert_eq!(read_with(&server, &[("authorization", &bearer(key))]).await.status, StatusCode::OK);
    }
    for path in ["/v1/me", "/v1/machine", "/v1/apps", "/v1/tenants"] {
        let refused = server.call_as(METRICS_KEY, "GET", path, None).await;
        assert_eq!(refused.code(), Code::Unauthenticated, "their key opens {path}");
    }
    let refused = server.open_call("/v1/sign-in", json!({ "key": METRICS_KEY })).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

#[tokio::test]
async fn without_a_key_of_their_own_the_admin_key_alone_opens_them() {
    let server = TestServer::start().await;
    let owner = format!("Bearer {}", server.key(KEY, json!({ "name": "all", "role": "owner" })).await);
    for shown in ["Bearer ", "Bearer", "Bearer null", "Bearer scrape-me", &owner] {
        let refused = read_with(&server, &[("authorization", shown)]).await;
        assert_eq!(refused.code(), Code::Unauthenticated, "{shown}");
    }
    assert_eq!(read_with(&server, &[]).await.code(), Code::Unauthenticated);
    assert_eq!(server.get("/metrics").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_documentation_names_every_figure_and_no_other() {
    let scrape = Scrape::of(&TestServer::start().await).await;
    let page = include_str!("../../../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next());
    let documented: BTreeSet<_> = rows.collect();
    // What a kernel may not tell.
    let known: BTreeSet<_> = scrape.families.keys().map(String::as_str).collect();
    assert_eq!(documented, known);
    for (name, kind) in &scrape.families {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}"))).unwrap();
        assert!(row.contains(&format!("| {kind} |")), "{row}");
    }
}
