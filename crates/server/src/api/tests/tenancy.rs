//! The tenancy walk: every operation of the API, called with everybody's credentials but the right ones.
//!
//! The operations come from the API's description, who may call them from the access table. A new operation fails the walk until
//! it has a row there, and a sample here for every parameter and body that it takes.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use vitrine_model::problem::Code;
use vitrine_model::{AppId, Role, Sha256};

use super::super::access::{RULES, Rule, Who, operations};
use super::harness::{Answer, KEY, PASSWORD, TEMPLATE, TestServer};

/// Refused to keys whatever their role: a browser's own.
const FOR_BROWSERS: [&str; 2] = ["set_password", "choose_tenant"];

/// One call of the walk.
struct Step {
    rule: &'static Rule,
    method: Method,
    path: String,
    body: Option<Value>,
    names_the_tenants: bool,
    names_an_app: bool,
}

/// A tenant with one of everything, and a stranger.
struct World {
    server: TestServer,
    app: AppId,
    ids: Vec<(&'static str, String)>,
    stranger: String,
}

impl World {
    async fn make() -> Self {
        let server = TestServer::start().await;
        let app = server.site("<h1>ours</h1>").await;
        let publish = server.publish(&app).await;
        let of = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        assert_eq!(publish["status"], "succeeded", "{publish}");
        let ensured = server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
        assert!(ensured.status.is_success(), "{ensured:?}");
        let key = server.post("/v1/keys", json!({ "name": "ours", "role": "viewer" })).await.json();
        let invite = server.post("/v1/invites", json!({ "name": "ours", "role": "viewer" })).await.json();
        server.person(KEY, "ours@example.com", "viewer").await;
        let members = server.get("/v1/members").await.json();
        let member =
            members["items"].as_array().unwrap().iter().find(|member| member["email"] == "ours@example.com");
        let link = server.post(&format!("/v1/apps/{app}/preview-links"), json!({})).await.json();
        let tenant = of(&server.get("/v1/me").await.json()["tenant"], "id");
        let ids = vec![
            ("app", app.to_string()),
            ("publish", of(&publish, "id")),
            ("artifact", of(&publish, "artifact")),
            ("revision", of(&publish, "revision_id")),
            ("release", of(&publish, "release")),
            ("session", of(&ensured.json(), "id")),
            ("api_key", of(&key, "id")),
            ("invite", of(&invite, "id")),
            ("user", of(member.unwrap(), "user_id")),
            ("link", of(&link, "id")),
            ("tenant", tenant),
        ];
        let (_, stranger) = server.tenant("Strangers").await;
        Self { server, app, ids, stranger }
    }

    fn id(&self, name: &str) -> &str {
        let found = self.ids.iter().find(|(known, _)| *known == name);
        found.map(|(_, id)| id.as_str()).unwrap_or_else(|| panic!("the walk needs a sample for `{{{name}}}`"))
    }

    /// A value for a parameter of a path.
    fn sample(&self, name: &str) -> String {
        match name {
            "path" => "index.html".to_owned(),
            "sha256" => Sha256::of(b"walked").to_hex(),
            // The key of a template.
            "key" => TEMPLATE.to_owned(),
            "environment" => "production".to_owned(),
            // Of a secret and a variable alike.
            "name" => "WALKED".to_owned(),
            other => self.id(other).to_owned(),
        }
    }

    /// A body that would be taken from somebody who may.
    fn body(&self, operation: &str) -> Option<Value> {
        let body = match operation {
            "create_app" => json!({ "name": "Walked", "template": TEMPLATE }),
            "update_app" => json!({ "name": "Walked" }),
            "diff_files" => json!({ "files": {} }),
            "apply_change_set" => json!({ "ops": [{ "op": "write", "path": "walked.txt", "text": "" }] }),
            "create_revision" => json!({ "label": "walked" }),
            "publish_app" => json!({}),
            "promote_artifact" => json!({ "artifact": self.id("artifact") }),
            "set_hosting" => json!({ "paused": true }),
            "set_password" => json!({ "email": "walked@example.com", "new_password": PASSWORD }),
            "choose_tenant" => json!({ "tenant": self.id("tenant") }),
            "update_member" => json!({ "role": "editor" }),
            "invite_member" | "create_key" => json!({ "name": "walked", "role": "viewer" }),
            "create_tenant" => json!({ "name": "Walked" }),
            "update_tenant" => json!({ "name": "Walked" }),
            "set_tenant_quotas" => json!({ "apps": 0, "builds": "unlimited" }),
            "exec_in_session" => json!({ "argv": ["walked"] }),
            "set_egress" => json!({ "destinations": [] }),
            "put_secret" => json!({ "value": "walked value", "targets": [] }),
            "put_variable" => json!({ "value": "walked", "targets": [] }),
            "collect" => json!({ "dry_run": true }),
            "create_preview_link" => json!({ "label": "walked" }),
            "set_package_policy" => json!({ "mode": "open", "min_age_secs": 0 }),
            "put_blob" => return None,
            other => panic!("the walk needs a sample body for `{other}`"),
        };
        Some(body)
    }

    /// Every operation that needs a caller.
    fn steps(&self) -> Vec<Step> {
        let document = super::super::document();
        let mut steps = Vec::new();
        for (path, method, operation) in operations(&document) {
            let rule = RULES.iter().find(|rule| rule.operation == operation);
            let rule = rule.unwrap_or_else(|| panic!("`{operation}` has no row in the access table"));
            if rule.who == Who::Open {
                continue;
            }
            let item = &document.paths.paths[&path];
            let described = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
            let described =
                described.into_iter().flatten().find(|found| found.operation_id.as_ref() == Some(&operation));
            let body = described.unwrap().request_body.as_ref().and_then(|_| self.body(&operation));
            let names: Vec<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let theirs = ["app", "user", "invite", "api_key", "tenant"];
            let (names_the_tenants, names_an_app) =
                (names.iter().any(|name| theirs.contains(name)), names.contains(&"app"));
            let mut filled = path.clone();
            for name in names {
                filled = filled.replace(&format!("{{{name}}}"), &self.sample(name));
            }
            if operation == "search_files" {
                filled.push_str("?query=walked");
            }
            steps.push(Step { rule, method, path: filled, body, names_the_tenants, names_an_app });
        }
        assert!(steps.len() > 50, "the document lists the operations");
        // First: later it would tell its reader what they themselves have asked for.
        steps.sort_by_key(|step| !step.path.starts_with("/v1/audit"));
        steps
    }

    async fn call(&self, step: &Step, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(&step.method).uri(&step.path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match &step.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None if step.rule.operation == "put_blob" => Body::from("walked"),
            None => Body::empty(),
        };
        self.server.send(request.body(body).unwrap()).await
    }

    async fn call_as(&self, step: &Step, key: &str) -> Answer {
        self.call(step, &[("authorization", &format!("Bearer {key}"))]).await
    }

    /// Everything that a call could have changed.
    async fn picture(&self) -> Vec<Value> {
        let app = &self.app;
        let paths = [
            format!("/v1/apps/{app}"),
            format!("/v1/apps/{app}/files"),
            format!("/v1/apps/{app}/revisions"),
            format!("/v1/apps/{app}/publishes"),
            format!("/v1/apps/{app}/releases"),
            format!("/v1/apps/{app}/hosting"),
            "/v1/apps".to_owned(),
            "/v1/members".to_owned(),
            "/v1/invites".to_owned(),
            "/v1/keys".to_owned(),
        ];
        let mut picture = Vec::new();
        for path in paths {
            let mut value = self.server.get(&path).await.json();
            forget_uses(&mut value);
            picture.push(value);
        }
        let session = self.server.get(&format!("/v1/apps/{app}/session")).await.json();
        picture.push(session["id"].clone());
        picture
    }

    /// No answer to somebody else says anything of ours.
    fn assert_tells_nothing(&self, who: &str, step: &Step, answer: &Answer) {
        let text = String::from_utf8_lossy(&answer.body);
        for (name, id) in &self.ids {
            assert!(!text.contains(id.as_str()), "{who}: {} tells the {name}: {text}", step.rule.operation);
        }
    }
}

/// Keys are used while the walk goes on.
fn forget_uses(value: &mut Value) {
    for item in value["items"].as_array_mut().into_iter().flatten() {
        item.as_object_mut().map(|item| item.remove("last_used_at"));
    }
}

fn needed(rule: &Rule) -> Option<Role> {
    match rule.who {
        Who::Member(role) => Some(role),
        Who::Open | Who::Operator | Who::OperatorsBrowser => None,
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_of_another_tenant() {
    let world = World::make().await;
    let before = world.picture().await;
    for step in world.steps() {
        let answer = world.call_as(&step, &world.stranger).await;
        world.assert_tells_nothing("a stranger", &step, &answer);
        let operation = step.rule.operation;
        match (step.rule.who, step.names_the_tenants) {
            (Who::Operator | Who::OperatorsBrowser, _) => {
                assert_eq!(answer.code(), Code::Forbidden, "{operation}")
            }
            (_, true) => assert_eq!(answer.code(), Code::NotFound, "{operation}"),
            _ if FOR_BROWSERS.contains(&operation) => {
                assert_eq!(answer.code(), Code::Forbidden, "{operation}")
            }
            _ => assert!(answer.status.is_success(), "{operation}: {answer:?}"),
        }
    }
    assert_eq!(world.picture().await, before);
}

#[tokio::test]
async fn what_is_of_another_tenant_looks_like_what_never_was() {
    let world = World::make().await;
    for step in world.steps().into_iter().filter(|step| step.names_the_tenants) {
        let theirs = world.call_as(&step, &world.stranger).await;
        let nowhere = Step { path: somewhere_else(&step.path), ..step };
        let nothing = world.call_as(&nowhere, &world.stranger).await;
        let said = |answer: &Answer| {
            let problem = answer.problem();
            (problem.status, problem.code, problem.title, problem.detail, problem.errors)
        };
        assert_eq!(said(&theirs), said(&nothing), "{}", nowhere.rule.operation);
    }
}

/// The same path with ids that were never given out.
fn somewhere_else(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.split_once('_') {
        Some((kind, body)) if body.len() == 26 => format!("{kind}_{}", "0".repeat(26)),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_strangers_key_opens_no_tenant_by_naming_it() {
    let world = World::make().await;
    let key = format!("Bearer {}", world.stranger);
    for step in world.steps() {
        let headers = [("authorization", key.as_str()), ("vitrine-tenant", world.id("tenant"))];
        let answer = world.call(&step, &headers).await;
        assert_eq!(answer.code(), Code::NotFound, "{}", step.rule.operation);
    }
}

#[tokio::test]
async fn without_a_valid_credential_every_operation_is_refused() {
    let world = World::make().await;
    let before = world.picture().await;
    let server = &world.server;
    let body = json!({ "name": "short", "role": "owner", "expires_in_secs": 60 });
    let expired = server.key(KEY, body).await;
    let revoked = server.post("/v1/keys", json!({ "name": "revoked", "role": "owner" })).await.json();
    let live = server.key(KEY, json!({ "name": "live", "role": "owner" })).await;
    assert_eq!(server.call_as(&expired, "GET", "/v1/me", None).await.status, StatusCode::OK);
    let id = revoked["id"].as_str().unwrap();
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{id}"), None).await.status, StatusCode::NO_CONTENT);
    server.clock.advance_secs(60);

    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let (id_half, _) = live.rsplit_once('_').unwrap_or_default();
    let forged = format!("{}{}", &live[..live.len() - 4], "AAAA");
    let swapped = format!("{id_half}_{}", &expired[expired.len() - 43..]);
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.";
    let credentials = [
        ("x-nothing", String::new()),
        bearer(&expired),
        bearer(revoked["secret"].as_str().unwrap()),
        bearer(&forged),
        bearer(&swapped),
        bearer(&KEY[..KEY.len() - 1]),
        bearer(jwt),
        ("authorization", format!("Basic {KEY}")),
        ("cookie", "vitrine_builder_4400=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ("cookie", format!("vitrine_builder_4400={KEY}")),
    ];
    for step in world.steps() {
        for (name, value) in &credentials {
            let answer = world.call(&step, &[(name, value)]).await;
            assert_eq!(answer.code(), Code::Unauthenticated, "{name}: {value}: {}", step.rule.operation);
            world.assert_tells_nothing(name, &step, &answer);
        }
    }
    // The two keys that were made here besides.
    let after = world.picture().await;
    assert_eq!(after[..after.len() - 2], before[..before.len() - 2]);
}

#[tokio::test]
async fn every_role_is_refused_what_needs_more_and_viewers_read() {
    let world = World::make().await;
    for role in Role::ALL {
        let key = world.server.key(KEY, json!({ "name": role, "role": role })).await;
        for step in world.steps() {
            let operation = step.rule.operation;
            let lacks = needed(step.rule).is_none_or(|needed| role < needed);
            if lacks {
                let problem = world.call_as(&step, &key).await.problem();
                assert_eq!(problem.code, Code::Forbidden, "{role}: {operation}");
                let named = needed(step.rule).map_or("admin key".to_owned(), |needed| format!("`{needed}`"));
                assert!(problem.detail.contains(&named), "{role}: {operation}: {}", problem.detail);
            } else if step.method == Method::GET || ["diff_files", "validate_app"].contains(&operation) {
                let answer = world.call_as(&step, &key).await;
                match operation {
                    // Speaks WebSocket to whoever may listen.
                    "open_channel" => assert_eq!(answer.code(), Code::UpgradeRequired, "{role}"),
                    _ => assert!(answer.status.is_success(), "{role}: {operation}: {answer:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let world = World::make().await;
    let key = world.server.key(KEY, json!({ "name": "viewer", "role": "viewer" })).await;
    let before = world.picture().await;
    for step in world.steps() {
        world.call_as(&step, &key).await;
    }
    assert_eq!(world.picture().await, before);
}

#[tokio::test]
async fn a_key_for_another_app_finds_nothing_but_that_app() {
    let world = World::make().await;
    let other = world.server.app().await;
    let key = world.server.key(KEY, json!({ "name": "one app", "role": "owner", "apps": [other] })).await;
    let before = world.picture().await;
    for step in world.steps() {
        let operation = step.rule.operation;
        let answer = world.call_as(&step, &key).await;
        let code = || answer.code();
        if matches!(step.rule.who, Who::Operator | Who::OperatorsBrowser) {
            assert_eq!(code(), Code::Forbidden, "{operation}");
        } else if step.names_an_app {
            assert_eq!(code(), Code::NotFound, "{operation}");
        } else if step.rule.is_for_limited_keys {
            assert!(answer.status.is_success(), "{operation}: {answer:?}");
            assert!(!String::from_utf8_lossy(&answer.body).contains(world.app.as_str()), "{operation}");
        } else {
            assert_eq!(code(), Code::Forbidden, "{operation}");
        }
    }
    assert_eq!(world.picture().await, before);
    let listed = world.server.call_as(&key, "GET", "/v1/apps", None).await.json();
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|app| app["id"].clone()).collect();
    assert_eq!(ids, [json!(other)]);
    let file = format!("/v1/apps/{other}/files/index.html");
    assert_eq!(world.server.call_as(&key, "GET", &file, None).await.status, StatusCode::OK);
}
