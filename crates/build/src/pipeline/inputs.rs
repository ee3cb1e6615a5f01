//! What an artifact is made of and with, as the model names it: equal inputs are built once.

use std::collections::BTreeMap;

use vitrine_model::{BuildInputs, Sha256};

use super::{BuildPlan, PROCEDURE};
use crate::profile::PackageManager;
use crate::toolchain::{NodeMajor, Platform, tool_version};

/// What a build stands on besides its plan.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The hash of the file tree, the lockfile in it.
    pub tree: Sha256,
    /// The Node.js of the toolchain.
    pub node: NodeMajor,
    /// Who installed; `None` without dependencies.
    pub package_manager: Option<PackageManager>,
    /// The layer; `None` without one.
    pub layer: Option<Sha256>,
    /// Where it runs.
    pub platform: Platform,
    /// What is given to the command by name, as digests of the values; of secrets, digests made with a key.
    pub environment: &'a BTreeMap<String, Sha256>,
    /// Stands for the secrets that the output is searched for, made with a key; `None` without secrets. Files served as they
    /// are depend on it, too: what was no secret then may be one now.
    pub searched_for: Option<Sha256>,
}

/// The inputs of a build. Files served as they are depend on no toolchain.
pub fn inputs(plan: &BuildPlan, ground: Ground<'_>) -> BuildInputs {
    let runs = !plan.is_as_is();
    let package_manager = ground.package_manager.filter(|_| runs);
    let environment = ground.environment.iter().filter(|_| runs);
    BuildInputs {
        tree: ground.tree,
        profile: plan.profile,
        command: plan.command.clone(),
        output: plan.output.clone(),
        mode: plan.mode,
        node: runs.then(|| ground.node.version().to_owned()),
        package_manager: package_manager
            .map(|manager| format!("{}@{}", manager.family(), tool_version(manager))),
        layer: ground.layer.filter(|_| runs),
        platform: ground.platform.as_str().to_owned(),
        environment: environment.map(|(name, digest)| (name.clone(), *digest)).collect(),
        searched_for: ground.searched_for,
        procedure: PROCEDURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::profile::ProfileKind;
    use vitrine_model::publish::BuildMode;

    fn made(command: &[&str], environment: &[(&str, &str)]) -> BuildInputs {
        let plan = BuildPlan {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            output: String::new(),
            mode: BuildMode::Production,
            profile: ProfileKind::Static,
        };
        let environment: BTreeMap<_, _> = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), Sha256::of(value.as_bytes())))
            .collect();
        let ground = Ground {
            tree: Sha256::of(b"tree"),
            node: NodeMajor::default(),
            package_manager: Some(PackageManager::Npm),
            layer: Some(Sha256::of(b"layer")),
            platform: Platform::of_host().unwrap(),
            environment: &environment,
            searched_for: None,
        };
        inputs(&plan, ground)
    }

    #[test]
    fn what_takes_part_is_named_and_values_are_not() {
        let built = made(&["make"], &[("KEY", "secret")]);
        assert!(built.package_manager.as_deref().is_some_and(|manager| manager.starts_with("npm@1")));
        assert!(built.node.is_some() && built.layer.is_some());
        assert!(!serde_json::to_string(&built).unwrap().contains("secret"));
        assert_ne!(built.hash(), made(&["make"], &[("KEY", "other")]).hash());
    }

    #[test]
    fn files_as_they_are_depend_on_nothing_but_themselves() {
        let as_is = made(&[], &[("KEY", "secret")]);
        assert_eq!((as_is.node, as_is.package_manager, as_is.layer), (None, None, None));
        assert!(as_is.environment.is_empty());
    }
}
