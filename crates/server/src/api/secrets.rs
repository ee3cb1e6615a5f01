//! Secrets and variables as resources. The value of a secret goes in and never comes out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::AppId;
use vitrine_model::limits::MAX_JSON_BYTES;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::secret::{
    EnvName, Environment, InvalidEnvName, InvalidSecretValue, SecretTarget, SecretValue, SecretView,
    VariableView,
};
use vitrine_store::{NewSecret, NotKept, VaultError};

use super::extract::{Path, check_is_json, read_body};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::faults;
use crate::services::Services;

/// What to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutSecret {
    /// The value.
    value: SecretValue,
    /// Who is given it: `dev` (in the environment `development`), `build`, both. Absent: nobody.
    #[serde(default)]
    targets: Vec<SecretTarget>,
}

/// Secrets without their values.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretList {
    /// All of the environment, by name.
    items: Vec<SecretView>,
}

/// Variables.
#[derive(Serialize, ToSchema)]
pub(crate) struct VariableList {
    /// All of the environment, by name.
    items: Vec<VariableView>,
}

/// A JSON body of which no error quotes a word.
pub(crate) struct Confidential<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Confidential<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        check_is_json(request.headers())?;
        let body = read_body(request, MAX_JSON_BYTES).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text =
                "The body is `{\"value\": text, \"targets\": [\"dev\" | \"build\"]}`; it is not quoted here";
            ApiError::new(Code::InvalidJson, format!("{text}, and what was refused is at {place}."))
        })
    }
}

/// The secrets of an environment: names, targets, versions, never values.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/secrets", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path)),
    responses((status = 200, body = SecretList), (status = 404, body = Problem)))]
pub(crate) async fn list_secrets(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment)): Path<(AppId, Environment)>,
) -> ApiResult<axum::Json<SecretList>> {
    let items = services.secrets.vault.list(&caller.scope, &app, environment).await?;
    Ok(axum::Json(SecretList { items }))
}

/// Sets a secret, in place of an earlier value. A running preview that is given it starts anew; a build gets it with the
/// next publish.
#[utoipa::path(put, path = "/v1/apps/{app}/environments/{environment}/secrets/{name}", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path), ("name" = String, Path)),
    request_body = PutSecret,
    responses((status = 200, body = SecretView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn put_secret(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment, name)): Path<(AppId, Environment, String)>,
    Confidential(body): Confidential<PutSecret>,
) -> ApiResult<axum::Json<SecretView>> {
    let name = EnvName::of_secret(&name)?;
    body.value.check()?;
    let targets = checked(environment, body.targets)?;
    let earlier = services.secrets.vault.list(&caller.scope, &app, environment).await?;
    let earlier = earlier.into_iter().find(|secret| secret.name == name.as_str());
    let secret = NewSecret { environment, name: &name, value: &body.value, targets: &targets };
    let kept = services.secrets.vault.put(&caller.scope, &app, secret).await?;
    let earlier = earlier.map(|secret| secret.targets).unwrap_or_default();
    renew(&services, &app, environment, [targets, earlier].concat());
    Ok(axum::Json(kept))
}

/// Removes a secret. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}/environments/{environment}/secrets/{name}", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path), ("name" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 404, body = Problem)))]
pub(crate) async fn delete_secret(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment, name)): Path<(AppId, Environment, String)>,
) -> ApiResult<StatusCode> {
    let name = EnvName::of_secret(&name).map_err(|_| ApiError::not_found("secret"))?;
    services.secrets.vault.delete(&caller.scope, &app, environment, &name).await?;
    renew(&services, &app, environment, vec![SecretTarget::Dev]);
    Ok(StatusCode::NO_CONTENT)
}

/// The variables of an environment.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/variables", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path)),
    responses((status = 200, body = VariableList), (status = 404, body = Problem)))]
pub(crate) async fn list_variables(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment)): Path<(AppId, Environment)>,
) -> ApiResult<axum::Json<VariableList>> {
    let items = services.store.variables(&caller.scope, &app, environment).await?;
    Ok(axum::Json(VariableList { items }))
}

/// Sets a variable, in place of an earlier value. Variables are no secrets: they can be read, and bundlers copy those with
/// their own prefixes (`VITE_`, `PUBLIC_`, …) into what browsers download.
#[utoipa::path(put, path = "/v1/apps/{app}/environments/{environment}/variables/{name}", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path), ("name" = String, Path)),
    request_body = PutSecret,
    responses((status = 200, body = VariableView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn put_variable(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment, name)): Path<(AppId, Environment, String)>,
    Confidential(body): Confidential<PutSecret>,
) -> ApiResult<axum::Json<VariableView>> {
    let name = EnvName::of_variable(&name)?;
    body.value.check()?;
    let targets = checked(environment, body.targets)?;
    let variable = (&name, body.value.reveal().to_owned(), &targets[..]);
    let kept = services.store.put_variable(&caller.scope, &app, environment, variable).await;
    let kept = kept.map_err(VaultError::NotKept)?;
    renew(&services, &app, environment, vec![SecretTarget::Dev]);
    Ok(axum::Json(kept))
}

/// Removes a variable. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}/environments/{environment}/variables/{name}", tag = "secrets",
    params(("app" = String, Path), ("environment" = Environment, Path), ("name" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 404, body = Problem)))]
pub(crate) async fn delete_variable(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, environment, name)): Path<(AppId, Environment, String)>,
) -> ApiResult<StatusCode> {
    let name = EnvName::of_variable(&name).map_err(|_| ApiError::not_found("variable"))?;
    services.store.delete_variable(&caller.scope, &app, environment, &name).await?;
    renew(&services, &app, environment, vec![SecretTarget::Dev]);
    Ok(StatusCode::NO_CONTENT)
}

/// Sorted, without repeats, and none that the environment has not.
fn checked(environment: Environment, mut targets: Vec<SecretTarget>) -> ApiResult<Vec<SecretTarget>> {
    targets.sort_unstable();
    targets.dedup();
    if environment != Environment::Development && targets.contains(&SecretTarget::Dev) {
        let detail =
            "Dev servers are given what the environment `development` has, and nothing of any other.";
        return Err(ApiError::new(Code::InvalidSecret, detail));
    }
    Ok(targets)
}

/// What a dev server was started with has changed.
fn renew(services: &Services, app: &AppId, environment: Environment, targets: Vec<SecretTarget>) {
    if environment == Environment::Development && targets.contains(&SecretTarget::Dev) {
        services.sessions.renew(app);
    }
}

impl From<InvalidEnvName> for ApiError {
    fn from(error: InvalidEnvName) -> Self {
        Self::new(Code::InvalidSecret, format!("The name was refused: {error}."))
    }
}

impl From<InvalidSecretValue> for ApiError {
    fn from(error: InvalidSecretValue) -> Self {
        Self::new(Code::InvalidSecret, format!("Nothing was changed: {error}."))
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NotKept(NotKept::Store(error)) => error.into(),
            error @ VaultError::NotKept(_) => {
                Self::new(Code::InvalidSecret, format!("Nothing was changed: {error}."))
            }
            locked => faults::of_vault(&locked).into(),
        }
    }
}
