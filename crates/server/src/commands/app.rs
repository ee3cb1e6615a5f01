//! Which app is meant: by id, slug or name, or by the folder one stands in.

use serde_json::Value;
use vitrine_model::AppId;

use super::dev::Link;
use super::output::{plain, text};
use crate::Failure;
use crate::client::Client;

/// Apps that are named when several could be meant.
const MOST_NAMED: usize = 8;

/// The app that was named, or the one that the current folder belongs to.
pub(super) async fn find(client: &Client, named: Option<&str>) -> Result<Value, Failure> {
    match named {
        Some(named) => find_named(client, named).await,
        None => {
            let here = std::env::current_dir().map_err(Failure::failed)?;
            let link = Link::above(&here)?.ok_or_else(|| {
                let ways = "give its id, slug or name, or run this in a folder of `vitrine dev`";
                Failure::unusable(format!("which app? {ways}"))
            })?;
            show(client, &link.app).await
        }
    }
}

/// The app that was named.
pub(super) async fn find_named(client: &Client, named: &str) -> Result<Value, Failure> {
    match named.parse::<AppId>() {
        Ok(id) => show(client, &id).await,
        Err(_) => {
            let id = choose(&client.list("/v1/apps").await?, named)?;
            show(client, &id).await
        }
    }
}

/// The id of an app as the API shows it.
pub(super) fn id(app: &Value) -> Result<AppId, Failure> {
    let id = app["id"].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Failure::failed("the server's answer was not understood: an app without an id"))
}

/// What an app is called in sentences.
pub(super) fn name(app: &Value) -> String {
    format!("{} ({})", text(app, "name"), text(app, "slug"))
}

async fn show(client: &Client, id: &AppId) -> Result<Value, Failure> {
    client.get(&format!("/v1/apps/{id}")).await
}

/// Slugs are unique, and come first; names may be shared.
fn choose(apps: &[Value], named: &str) -> Result<AppId, Failure> {
    if let Some(app) = apps.iter().find(|app| app["slug"] == named) {
        return id(app);
    }
    let folded = named.trim().to_lowercase();
    let is_called = |app: &&Value| app["name"].as_str().is_some_and(|name| name.to_lowercase() == folded);
    let called: Vec<_> = apps.iter().filter(is_called).collect();
    match called.as_slice() {
        [one] => id(one),
        [] => Err(Failure::not_found(format!("there is no app `{}`; see `vitrine apps`", plain(named)))),
        several => {
            let slugs: Vec<_> = several.iter().take(MOST_NAMED).map(|app| text(app, "slug")).collect();
            let count = several.len();
            Err(Failure::unusable(format!(
                "{count} apps are called `{}`; say which by its slug: {}",
                plain(named),
                slugs.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app(id: char, slug: &str, name: &str) -> Value {
        json!({ "id": format!("app_{}", id.to_string().repeat(26)), "slug": slug, "name": name })
    }

    #[test]
    fn a_slug_comes_before_a_name() {
        let apps = [app('a', "shop", "Blog"), app('b', "blog", "Shop")];
        assert_eq!(choose(&apps, "shop").unwrap().body(), "a".repeat(26));
        assert_eq!(choose(&apps, " SHOP ").unwrap().body(), "b".repeat(26));
    }

    #[test]
    fn a_name_that_several_have_is_refused_with_their_slugs() {
        let apps = [app('a', "shop-1", "Shop"), app('b', "shop-2", "shop")];
        let failure = choose(&apps, "Shop").unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.message().contains("shop-1, shop-2"), "{failure:?}");
        assert_eq!(choose(&apps, "nothing").unwrap_err().code(), 7);
    }
}
