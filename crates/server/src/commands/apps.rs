//! `vitrine apps`: listing, making, renaming and deleting.

use http::Method;
use serde_json::{Value, json};

use super::output::{Output, table, text, time};
use super::{Desk, app};
use crate::Failure;
use crate::cli::{AppsArgs, AppsCommand};

/// Without a command, lists.
pub(super) async fn run(output: Output, args: AppsArgs) -> Result<(), Failure> {
    match args.command.unwrap_or(AppsCommand::List { server: args.server }) {
        AppsCommand::List { server } => list(&Desk::open(output, &server)?).await,
        AppsCommand::Show { app, server } => show(&Desk::open(output, &server)?, app.app.as_deref()).await,
        AppsCommand::Create { name, template, slug, server } => {
            let body = json!({ "name": name, "template": template, "slug": slug });
            create(&Desk::open(output, &server)?, &body).await
        }
        AppsCommand::Rename { app, name, slug, server } => {
            rename(&Desk::open(output, &server)?, &app, (name, slug)).await
        }
        AppsCommand::Delete { app, yes, server } => delete(&Desk::open(output, &server)?, &app, yes).await,
    }
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let apps = desk.client.list("/v1/apps").await?;
    desk.output.answer(&apps, || match apps.is_empty() {
        true => "No apps yet: `vitrine apps create`, `vitrine import` or `vitrine dev` make one.".to_owned(),
        false => table(["app", "name", "published at", "changed (UTC)"], apps.iter().map(row)),
    })
}

fn row(app: &Value) -> [String; 4] {
    [text(app, "slug"), text(app, "name"), text(app, "published_url"), time(app, "updated_at")]
}

async fn show(desk: &Desk, named: Option<&str>) -> Result<(), Failure> {
    let app = app::find(&desk.client, named).await?;
    desk.output.answer(&app, || told(&app))
}

fn told(app: &Value) -> String {
    let release = app["release"]["number"].as_u64().map(|number| format!("release {number}"));
    let site = match app["published_url"].as_str() {
        Some(url) => format!("{url} ({})", release.unwrap_or_else(|| "published".to_owned())),
        None => format!("not published; would be {}", text(app, "site_url")),
    };
    let lines = [
        ("name", text(app, "name")),
        ("slug", text(app, "slug")),
        ("id", text(app, "id")),
        ("site", site),
        ("draft", format!("version {}", text(app, "version"))),
        ("kind", text(&app["profile"], "kind")),
        ("template", text(app, "template")),
        ("made", time(app, "created_at")),
        ("changed", time(app, "updated_at")),
    ];
    let filled = lines.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| format!("{name:9} {value}")).collect::<Vec<_>>().join("\n")
}

async fn create(desk: &Desk, body: &Value) -> Result<(), Failure> {
    let app: Value = desk.client.call(Method::POST, "/v1/apps", Some(body)).await?;
    desk.output.answer(&app, || format!("Made {}.", app::name(&app)))?;
    let slug = text(&app, "slug");
    desk.output.note(&format!(
        "Next: `vitrine sessions start {slug}` shows it live, `vitrine publish {slug}` publishes it."
    ));
    Ok(())
}

async fn rename(
    desk: &Desk,
    named: &str,
    (name, slug): (Option<String>, Option<String>),
) -> Result<(), Failure> {
    let before = app::find_named(&desk.client, named).await?;
    let mut body = json!({});
    for (field, value) in [("name", name), ("slug", slug)] {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    let path = format!("/v1/apps/{}", app::id(&before)?);
    let after: Value = desk.client.call(Method::PATCH, &path, Some(&body)).await?;
    desk.output.answer(&after, || format!("{} is {} now.", app::name(&before), app::name(&after)))
}

async fn delete(desk: &Desk, named: &str, yes: bool) -> Result<(), Failure> {
    let app = app::find_named(&desk.client, named).await?;
    let question = format!("Delete {} with its files, releases and secrets, for good?", app::name(&app));
    if !yes && !desk.output.confirms(&question)? {
        return Err(Failure::unusable(format!("{} is kept; --yes deletes without asking", app::name(&app))));
    }
    let path = format!("/v1/apps/{}", app::id(&app)?);
    let () = desk.client.call(Method::DELETE, &path, None::<&()>).await?;
    desk.output.answer(&json!({ "deleted": app["id"] }), || format!("Deleted {}.", app::name(&app)))
}
