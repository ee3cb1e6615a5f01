//! `vitrine releases` and `vitrine rollback`: what visitors see, saw, and see again.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use vitrine_model::ArtifactId;
use vitrine_model::publish::ReleaseCause;

use super::output::{table, text, time};
use super::{Desk, app};
use crate::Failure;
use crate::cli::{ReleaseRef, ReleasesArgs, RollbackArgs};

/// Lists the releases, newest first.
pub(super) async fn list(desk: &Desk, args: &ReleasesArgs) -> Result<(), Failure> {
    let releases = all(desk, &app::find(&desk.client, args.app.app.as_deref()).await?).await?;
    desk.output.answer(&releases, || match releases.is_empty() {
        true => "Never published.".to_owned(),
        false => {
            let row = |release: &Value| {
                let mark = if release["current"] == true { "current" } else { "" };
                let cause = if release["cause"] == "promotion" { "rollback" } else { "publish" };
                let artifact = text(release, "artifact");
                [
                    text(release, "number"),
                    mark.to_owned(),
                    cause.to_owned(),
                    time(release, "created_at"),
                    artifact,
                ]
            };
            table(["release", "", "by", "since (UTC)", "artifact"], releases.iter().map(row))
        }
    })
}

/// Makes an earlier release current; ends with the link.
pub(super) async fn roll_back(desk: &Desk, args: &RollbackArgs) -> Result<(), Failure> {
    let app = app::find(&desk.client, args.app.app.as_deref()).await?;
    let releases = all(desk, &app).await?;
    let read = |release: &Value| serde_json::from_value::<Past>(release.clone());
    let past: Result<Vec<Past>, _> = releases.iter().map(read).collect();
    let past = past.map_err(|error| Failure::failed(format!("a release was not understood: {error}")))?;
    let (artifact, told) = choose(&past, args.to.as_ref())?;
    let path = format!("/v1/apps/{}/releases", app::id(&app)?);
    let release: Value =
        desk.client.call(Method::POST, &path, Some(&json!({ "artifact": artifact }))).await?;
    desk.output.note(&format!("{}: {told}.", app::name(&app)));
    desk.output.answer(&release, || text(&release, "url"))
}

async fn all(desk: &Desk, app: &Value) -> Result<Vec<Value>, Failure> {
    desk.client.list(&format!("/v1/apps/{}/releases", app::id(app)?)).await
}

/// What counts of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Past {
    number: u64,
    artifact: ArtifactId,
    cause: ReleaseCause,
    current: bool,
}

/// What to make current, and what that is in words. `releases` are newest first.
fn choose(releases: &[Past], to: Option<&ReleaseRef>) -> Result<(ArtifactId, String), Failure> {
    if let Some(ReleaseRef::Artifact(artifact)) = to {
        return Ok((artifact.clone(), format!("{artifact} is current again")));
    }
    let chosen = match to {
        Some(ReleaseRef::Number(number)) => {
            let found = releases.iter().find(|release| release.number == *number);
            found.ok_or_else(|| {
                Failure::not_found(format!("there is no release {number}; see `vitrine releases`"))
            })?
        }
        _ => before_current(releases)?,
    };
    if chosen.current {
        return Err(Failure::unusable(format!("release {} is the current one", chosen.number)));
    }
    Ok((chosen.artifact.clone(), format!("visitors get release {} again", chosen.number)))
}

/// The release before the current one, on the way that led there: a publish goes on from what there was, a rollback takes
/// back what came after the release it went to. So going back again goes further back, not to and fro, and never to what was
/// taken back.
fn before_current(releases: &[Past]) -> Result<&Past, Failure> {
    if !releases.iter().any(|release| release.current) {
        let way = "`--to` brings a release of `vitrine releases` back";
        return Err(Failure::not_found(format!("nothing is published now; {way}")));
    }
    let mut way: Vec<&Past> = Vec::new();
    for release in releases.iter().rev() {
        match way.iter().position(|earlier| earlier.artifact == release.artifact) {
            Some(place) if release.cause == ReleaseCause::Promotion => way.truncate(place + 1),
            // The same again is no step.
            Some(place) if place + 1 == way.len() => {}
            _ => way.push(release),
        }
    }
    let before = way.len().checked_sub(2).and_then(|place| way.get(place).copied());
    before.ok_or_else(|| Failure::not_found("there is no release before the current one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: char) -> ArtifactId {
        format!("art_{}", name.to_string().repeat(26)).parse().unwrap()
    }

    /// Newest first; the first is current. `!` marks a rollback.
    fn history(text: &str) -> Vec<Past> {
        let names: Vec<_> = text.split(' ').collect();
        let past = names.iter().enumerate().map(|(place, name)| Past {
            number: (names.len() - place) as u64,
            artifact: artifact(name.chars().next().unwrap()),
            cause: if name.ends_with('!') { ReleaseCause::Promotion } else { ReleaseCause::Publish },
            current: place == 0,
        });
        past.collect()
    }

    fn before(text: &str) -> Option<ArtifactId> {
        choose(&history(text), None).ok().map(|(artifact, _)| artifact)
    }

    #[test]
    fn going_back_again_goes_further_back() {
        assert_eq!(before("c b a"), Some(artifact('b')));
        assert_eq!(before("b! c b a"), Some(artifact('a')), "not to c again");
        assert_eq!(before("a! b! c b a"), None);
        assert_eq!(before("d b! c b a"), Some(artifact('b')), "c was taken back");
        assert_eq!(before("c! b! c b a"), Some(artifact('b')), "c is there again");
    }

    #[test]
    fn the_same_artifact_published_twice_is_no_way_back() {
        assert_eq!(before("b b a"), Some(artifact('a')));
        assert_eq!(before("a"), None);
    }

    #[test]
    fn a_release_can_be_named() {
        let to = |number| choose(&history("c b a"), Some(&ReleaseRef::Number(number)));
        assert_eq!(to(1).unwrap().0, artifact('a'));
        assert_eq!(to(3).unwrap_err().code(), 2, "it is current");
        assert_eq!(to(9).unwrap_err().code(), 7);
        let off_the_air: Vec<_> =
            history("b a").into_iter().map(|past| Past { current: false, ..past }).collect();
        assert_eq!(choose(&off_the_air, None).unwrap_err().code(), 7);
        assert_eq!(choose(&off_the_air, Some(&ReleaseRef::Number(2))).unwrap().0, artifact('b'));
    }
}
