//! Who may see a preview: tokens, cookies, hosts and other origins.

use crate::support::{Guest, SECURE, World, code, header, text};
use http::StatusCode;
use http::header::{COOKIE, HOST, SET_COOKIE};
use vitrine_edge::{HostMap, PreviewState, Scheme};
use vitrine_model::source::Clock as _;

#[tokio::test]
async fn a_token_is_exchanged_for_a_cookie_and_leaves_the_url() {
    let world = World::running(&Guest::saying("hi").await).await;
    let token = world.gateway.token(&world.session);
    let path = format!("/a//b?x=%20y&vitrine_token={token}&z");
    let answer = world.send(world.bare(&world.session, &path)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let host = header(&answer, "location").strip_prefix("http://").unwrap();
    assert_eq!(host, format!("{}.preview.localhost:4400/a//b?x=%20y&z", world.session.dns_label()));
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let cookies: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().map(|c| c.to_str().unwrap()).collect();
    let (name, attributes) = cookies[0].split_once('=').unwrap();
    assert_eq!(name, SECURE);
    let attributes = attributes.split_once(';').unwrap().1;
    assert_eq!(attributes, " Max-Age=7200; Path=/; HttpOnly; Secure; SameSite=None; Partitioned");
    assert!(cookies[1].starts_with("vitrine_preview=") && cookies[1].ends_with("HttpOnly; SameSite=Lax"));
    assert_eq!(cookies.len(), 2);
}

#[tokio::test]
async fn a_token_opens_a_preview_once_and_again_only_beside_the_cookie() {
    let world = World::running(&Guest::saying("hi").await).await;
    let path = format!("/p?vitrine_token={}", world.gateway.token(&world.session));
    let first = world.send(world.bare(&world.session, &path)).await;
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let again = world.send(world.bare(&world.session, &path).header("accept", "text/html")).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(!again.headers().contains_key(SET_COOKIE));
    let page = text(again).await;
    assert!(page.contains("This address was opened before") && page.contains("Reload the builder page"));
    let cookie = header(&first, "set-cookie").split(';').next().unwrap();
    let again = world.send(world.bare(&world.session, &path).header(COOKIE, cookie)).await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
    assert!(header(&again, "location").ends_with(":4400/p"));
    assert!(!again.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn of_many_exchanges_of_one_token_at_once_one_succeeds() {
    let world = World::running(&Guest::saying("hi").await).await;
    let path = format!("/?vitrine_token={}", world.gateway.token(&world.session));
    let all = futures::future::join_all((0..32).map(|_| world.send(world.bare(&world.session, &path)))).await;
    let opened = all.iter().filter(|answer| answer.status() == StatusCode::SEE_OTHER).count();
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_cookie_does_not_outlive_its_session() {
    let world = World::running(&Guest::saying("hi").await).await;
    let ends_at = world.clock.now().plus_secs(300);
    world.targets.expiries.lock().unwrap().insert(world.session.clone(), ends_at);
    let path = format!("/?vitrine_token={}", world.gateway.token(&world.session));
    let answer = world.send(world.bare(&world.session, &path)).await;
    assert!(header(&answer, "set-cookie").contains("; Max-Age=300;"));
    let cookie = header(&answer, "set-cookie").split(';').next().unwrap().to_owned();
    world.clock.advance_secs(300);
    let late = world.send(world.bare(&world.session, "/").header(COOKIE, cookie)).await;
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_path_like_a_host_does_not_redirect_elsewhere() {
    let world = World::running(&Guest::saying("hi").await).await;
    let path = format!("//evil.example/?vitrine_token={}", world.gateway.token(&world.session));
    let answer = world.send(world.bare(&world.session, &path)).await;
    let own = format!("http://{}.preview.localhost:4400//evil.example/", world.session.dns_label());
    assert_eq!(header(&answer, "location"), own);
}

#[tokio::test]
async fn the_cookie_opens_the_preview() {
    let world = World::running(&Guest::saying("hi").await).await;
    let answer = world.send(world.get("/").await).await;
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "hi"));
}

#[tokio::test]
async fn without_credentials_a_person_gets_a_page_and_a_program_a_problem() {
    let world = World::running(&Guest::saying("hi").await).await;
    let page = world.send(world.bare(&world.session, "/").header("accept", "text/html")).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    assert!(text(page).await.contains("This preview is private"));
    let answer = world.send(world.bare(&world.session, "/src/main.tsx")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(answer).await, "unauthenticated");
}

#[tokio::test]
async fn a_token_or_cookie_of_another_session_is_refused() {
    let guest = Guest::saying("hi").await;
    let world = World::running(&guest).await;
    world.targets.set(&world.other, guest.running());
    let theirs = world.cookie(&world.other).await;
    let answer = world.send(world.bare(&world.session, "/").header(COOKIE, &theirs)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let path = format!("/?vitrine_token={}", world.gateway.token(&world.other));
    let answer = world.send(world.bare(&world.session, &path)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(!answer.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn a_shadowing_cookie_of_another_session_does_not_lock_out_the_right_one() {
    let guest = Guest::saying("hi").await;
    let world = World::running(&guest).await;
    world.targets.set(&world.other, guest.running());
    let theirs = world.cookie(&world.other).await.replace(SECURE, "vitrine_preview");
    let line = format!("vitrine_preview=junk; {theirs}; {}", world.cookie(&world.session).await);
    let answer = world.send(world.bare(&world.session, "/").header(COOKIE, line)).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_expired_token_is_refused_unless_the_cookie_is_good() {
    let world = World::running(&Guest::saying("hi").await).await;
    let path = format!("/p?vitrine_token={}", world.gateway.token(&world.session));
    let cookie = world.cookie(&world.session).await;
    world.clock.advance_secs(120);
    assert_eq!(world.send(world.bare(&world.session, &path)).await.status(), StatusCode::UNAUTHORIZED);
    let answer = world.send(world.bare(&world.session, &path).header(COOKIE, cookie)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(header(&answer, "location").ends_with(":4400/p"));
    assert!(!answer.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn a_cookie_is_renewed_by_use_past_half_of_its_life_and_ends_without() {
    let world = World::running(&Guest::saying("hi").await).await;
    let cookie = world.cookie(&world.session).await;
    let send = || world.send(world.bare(&world.session, "/").header(COOKIE, &cookie));
    assert!(!send().await.headers().contains_key(SET_COOKIE));
    world.clock.advance_secs(3_601);
    assert!(send().await.headers().contains_key(SET_COOKIE));
    world.clock.advance_secs(3_600);
    assert_eq!(send().await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_that_comes_with_another_method_never_reaches_the_guest() {
    let guest = Guest::start(|request| async move {
        crate::support::html(if request.uri().query() == Some("a=1") { "clean" } else { "leaked" })
    })
    .await;
    let world = World::running(&guest).await;
    let path = format!("/?a=1&vitrine_token={}", world.gateway.token(&world.session));
    let answer = world.send(world.get(&path).await.method("POST")).await;
    assert_eq!(text(answer).await, "clean");
}

#[tokio::test]
async fn unknown_sessions_are_404_and_ended_ones_410() {
    let world = World::new().await;
    let answer = world.send(world.bare(&world.session, "/")).await;
    assert_eq!((answer.status(), code(answer).await.as_str()), (StatusCode::NOT_FOUND, "not_found"));
    world.targets.set(&world.session, PreviewState::Over);
    let answer = world.send(world.bare(&world.session, "/").header("accept", "text/html")).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    assert!(text(answer).await.contains("This preview has ended"));
}

#[tokio::test]
async fn hosts_that_are_not_ours_are_misdirected() {
    let world = World::new().await;
    for host in ["evil.example", "x.preview.localhost:4400", "localhost:4400"] {
        let answer = world.send(http::Request::get("/").header(HOST, host)).await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert_eq!(code(answer).await, "misdirected_request");
    }
}

#[tokio::test]
async fn a_request_for_one_session_is_not_answered_on_the_host_of_another() {
    let world = World::running(&Guest::saying("hi").await).await;
    let request = world.bare(&world.other, "/").body(crate::support::body("")).unwrap();
    let answer = world.gateway.handle(world.session.clone(), request).await;
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_page_of_another_origin_may_navigate_here_and_nothing_else() {
    let world = World::running(&Guest::saying("hi").await).await;
    let world = &world;
    let with = |site: &'static str, mode: &'static str| async move {
        let request = world.get("/").await.header("sec-fetch-site", site).header("sec-fetch-mode", mode);
        world.send(request).await.status()
    };
    assert_eq!(with("cross-site", "navigate").await, StatusCode::OK);
    assert_eq!(with("same-origin", "cors").await, StatusCode::OK);
    // Previews are same-site with each other, so that the cookie comes along.
    assert_eq!(with("same-site", "no-cors").await, StatusCode::FORBIDDEN);
    assert_eq!(with("cross-site", "cors").await, StatusCode::FORBIDDEN);
    let sneaky = world.get("/").await.header("origin", "http://localhost:4400");
    assert_eq!(code(world.send(sneaky).await).await, "forbidden");
}

#[tokio::test]
async fn the_cookie_suits_where_the_preview_is() {
    let setup = |scheme, suffix: &'static str| async move {
        let world = World::with(|config| {
            config.scheme = scheme;
            config.hosts = HostMap::new(["localhost"], suffix, "apps.localhost", "cdn.localhost").unwrap();
        })
        .await;
        world.targets.set(&world.session, PreviewState::Starting(Default::default()));
        world.cookie(&world.session).await.split('=').next().unwrap().to_owned()
    };
    assert_eq!(setup(Scheme::Https, "preview.example").await, SECURE);
    assert_eq!(setup(Scheme::Http, "preview.localhost").await, SECURE);
    assert_eq!(setup(Scheme::Http, "preview.lan").await, "vitrine_preview");
}

#[tokio::test]
async fn a_preview_url_opens_the_preview() {
    let world = World::new().await;
    let url = world.gateway.preview_url(&world.session);
    let host = format!("http://{}.preview.localhost:4400/?vitrine_token=", world.session.dns_label());
    assert!(url.starts_with(&host), "{url}");
}
