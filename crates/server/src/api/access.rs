//! Who may call what: one row for every operation of the API. An operation without a row is refused.
//!
//! The rows name operations as the API's description does; the description says which method and path each has. Tests hold that
//! both name the same ones, and walk all of them with everybody's credentials (`tests::tenancy`).

use std::collections::HashMap;

use axum::http::Method;
use vitrine_model::Role;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody; there is no caller, and nothing of a tenant's is answered.
    Open,
    /// Whoever has at least this role in the tenant.
    Member(Role),
    /// Whoever shows the server's admin key.
    Operator,
    /// The same, and browsers that were signed in with it or with the link of the ready line: for what is looked at.
    OperatorsBrowser,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The operation's id.
    pub(crate) operation: &'static str,
    /// Who may call it.
    pub(crate) who: Who,
    /// Whether calls are written into the tenant's audit log.
    pub(crate) is_recorded: bool,
    /// Whether a key that is for some apps alone may call it although its path names no app.
    pub(crate) is_for_limited_keys: bool,
}

const fn rule(operation: &'static str, who: Who) -> Rule {
    Rule { operation, who, is_recorded: false, is_for_limited_keys: false }
}

const fn open(operation: &'static str) -> Rule {
    rule(operation, Who::Open)
}

const fn viewer(operation: &'static str) -> Rule {
    rule(operation, Who::Member(Role::Viewer))
}

const fn editor(operation: &'static str) -> Rule {
    rule(operation, Who::Member(Role::Editor))
}

const fn admin(operation: &'static str) -> Rule {
    rule(operation, Who::Member(Role::Admin))
}

const fn operator(operation: &'static str) -> Rule {
    rule(operation, Who::Operator)
}

impl Rule {
    const fn recorded(self) -> Self {
        Self { is_recorded: true, ..self }
    }

    const fn for_limited_keys(self) -> Self {
        Self { is_for_limited_keys: true, ..self }
    }
}

/// The table. Recorded is what changes something, but for change sets and uploads, whose log is the draft's own, and for
/// heartbeats; open operations record themselves, as the caller is only known when they are done.
pub(crate) const RULES: &[Rule] = &[
    open("healthz"),
    open("readyz"),
    // Looks for a key of its own kind; who has it is no caller.
    open("get_metrics"),
    open("template_thumbnail"),
    open("sign_in"),
    open("accept_invite"),
    // The caller's own.
    viewer("me").for_limited_keys(),
    viewer("sign_out").recorded().for_limited_keys(),
    viewer("sign_out_everywhere").recorded(),
    viewer("set_password").recorded(),
    viewer("choose_tenant"),
    // The tenant.
    viewer("get_my_usage"),
    viewer("list_members"),
    admin("update_member").recorded(),
    admin("remove_member").recorded(),
    admin("list_invites"),
    admin("invite_member").recorded(),
    admin("withdraw_invite").recorded(),
    admin("list_keys"),
    admin("create_key").recorded(),
    admin("revoke_key").recorded(),
    viewer("get_package_policy"),
    admin("set_package_policy").recorded(),
    admin("reset_package_policy").recorded(),
    admin("list_audit"),
    admin("export_audit"),
    admin("verify_audit"),
    // The server.
    rule("get_machine", Who::OperatorsBrowser),
    operator("collect").recorded(),
    operator("list_tenants"),
    operator("create_tenant").recorded(),
    operator("update_tenant").recorded(),
    operator("get_tenant_quotas"),
    operator("set_tenant_quotas").recorded(),
    // Apps and their drafts.
    viewer("list_templates").for_limited_keys(),
    viewer("get_template").for_limited_keys(),
    viewer("list_apps").for_limited_keys(),
    editor("create_app").recorded(),
    viewer("get_app"),
    editor("update_app").recorded(),
    editor("delete_app").recorded(),
    viewer("list_files"),
    viewer("read_file"),
    viewer("diff_files"),
    viewer("export_app"),
    viewer("search_files"),
    editor("put_blob"),
    editor("apply_change_set"),
    // Listening; change sets that come in are looked at one by one.
    viewer("open_channel"),
    viewer("list_revisions"),
    viewer("get_revision"),
    viewer("diff_revision"),
    editor("create_revision").recorded(),
    editor("restore_revision").recorded(),
    editor("undo_draft").recorded(),
    editor("redo_draft").recorded(),
    viewer("validate_app"),
    // Sessions.
    editor("list_preview_links"),
    editor("create_preview_link").recorded(),
    editor("delete_preview_link").recorded(),
    viewer("get_egress"),
    admin("set_egress").recorded(),
    editor("list_secrets"),
    admin("put_secret").recorded(),
    admin("delete_secret").recorded(),
    editor("list_variables"),
    admin("put_variable").recorded(),
    admin("delete_variable").recorded(),
    viewer("get_session"),
    viewer("follow_session_logs"),
    viewer("follow_preview_events"),
    editor("ensure_session").recorded(),
    editor("stop_session").recorded(),
    editor("restart_session").recorded(),
    editor("heartbeat_session"),
    editor("exec_in_session").recorded(),
    // Publishing and hosting.
    viewer("list_publishes"),
    viewer("get_publish"),
    viewer("follow_publish"),
    editor("publish_app").recorded(),
    editor("cancel_publish").recorded(),
    editor("retry_publish").recorded(),
    viewer("list_releases"),
    editor("promote_artifact").recorded(),
    editor("unpublish_app").recorded(),
    viewer("get_artifact"),
    viewer("get_manifest"),
    viewer("get_provenance"),
    viewer("get_sbom"),
    viewer("get_hosting"),
    admin("set_hosting").recorded(),
    viewer("get_usage"),
];

/// The rows by method and path.
pub(super) struct AccessTable {
    rules: HashMap<String, HashMap<Method, &'static Rule>>,
}

/// What the table says about a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// The row.
    Rule(&'static Rule),
    /// The path has other methods.
    WrongMethod,
    /// Nothing: refuse.
    Nothing,
}

impl AccessTable {
    /// Finds the method and the path of every row.
    pub(super) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let mut rules: HashMap<String, HashMap<Method, &'static Rule>> = HashMap::new();
        for (path, method, operation) in operations(document) {
            if let Some(rule) = RULES.iter().find(|rule| rule.operation == operation) {
                rules.entry(path).or_default().insert(method, rule);
            }
        }
        Self { rules }
    }

    /// The row for a method and a path as the router matched it.
    pub(super) fn find(&self, method: &Method, matched: &str) -> Found {
        let Some(methods) = self.rules.get(&matched.replace("{*", "{")) else { return Found::Nothing };
        // A HEAD request is answered by the handler of GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        methods.get(method).map_or(Found::WrongMethod, |rule| Found::Rule(rule))
    }
}

/// Path, method and id of every operation that a description has.
pub(super) fn operations(document: &utoipa::openapi::OpenApi) -> Vec<(String, Method, String)> {
    let mut found = Vec::new();
    for (path, item) in &document.paths.paths {
        let methods = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        for (method, operation) in methods {
            if let Some(id) = operation.as_ref().and_then(|operation| operation.operation_id.clone()) {
                found.push((path.clone(), method, id));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(document: &utoipa::openapi::OpenApi) -> BTreeSet<String> {
        operations(document).into_iter().map(|(_, _, operation)| operation).collect()
    }

    #[test]
    fn every_operation_has_one_row_and_every_row_an_operation() {
        let rows: Vec<_> = RULES.iter().map(|rule| rule.operation.to_owned()).collect();
        let listed: BTreeSet<_> = rows.iter().cloned().collect();
        assert_eq!(rows.len(), listed.len(), "a row is there twice");
        assert_eq!(listed, names(&super::super::document()));
    }

    #[test]
    fn the_open_operations_are_those_that_no_gate_stands_before() {
        let open = RULES.iter().filter(|rule| rule.who == Who::Open).map(|rule| rule.operation.to_owned());
        assert_eq!(open.collect::<BTreeSet<_>>(), names(super::super::open().get_openapi()));
    }

    #[test]
    fn what_reads_is_not_recorded_and_what_changes_something_is() {
        let silent = [
            "diff_files",
            "validate_app",
            "put_blob",
            "apply_change_set",
            "heartbeat_session",
            "choose_tenant",
        ];
        for (_, method, operation) in operations(&super::super::document()) {
            let rule = RULES.iter().find(|rule| rule.operation == operation).unwrap();
            let changes =
                method != Method::GET && rule.who != Who::Open && !silent.contains(&operation.as_str());
            assert_eq!(rule.is_recorded, changes, "{operation}");
        }
    }

    #[test]
    fn what_has_no_row_is_not_found() {
        let table = AccessTable::of(&super::super::document());
        assert!(
            matches!(table.find(&Method::GET, "/v1/apps"), Found::Rule(rule) if rule.operation == "list_apps")
        );
        assert!(
            matches!(table.find(&Method::HEAD, "/v1/apps"), Found::Rule(rule) if rule.operation == "list_apps")
        );
        let file = table.find(&Method::GET, "/v1/apps/{app}/files/{*path}");
        assert!(matches!(file, Found::Rule(rule) if rule.operation == "read_file"));
        assert!(matches!(table.find(&Method::PUT, "/v1/apps"), Found::WrongMethod));
        assert!(matches!(table.find(&Method::GET, "/v1/something-new"), Found::Nothing));
    }
}
