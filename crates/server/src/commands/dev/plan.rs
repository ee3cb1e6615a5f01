//! What has to be done so that a folder and a draft hold the same, without losing what either side changed.
//!
//! Three trees decide: what both agreed on last (the base), what the folder holds, and what the draft holds. Whoever differs
//! from the base has changed; when both have, both are kept.

use std::collections::{BTreeMap, BTreeSet};

use vitrine_model::{FileEntry, ProjectPath, Tree};

/// What has to be done about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The draft gets what the folder holds; `None` deletes.
    Send(Option<FileEntry>),
    /// The folder gets what the draft holds; `None` deletes. `over` is what the folder must hold still.
    Fetch { theirs: Option<FileEntry>, over: Option<FileEntry> },
    /// Both changed: the folder's stays, and the draft's is put beside it.
    KeepBoth { theirs: FileEntry },
}

/// What has to be done, by path.
pub(super) type Plan = BTreeMap<ProjectPath, Step>;

/// What both sides agree on is put into `base`; what they do not is planned. Paths that `takes` refuses belong to one side
/// alone, and are forgotten.
pub(super) fn plan(
    base: &mut Tree,
    folder: &Tree,
    draft: &Tree,
    takes: impl Fn(&ProjectPath) -> bool,
) -> Plan {
    let paths: BTreeSet<_> =
        [&*base, folder, draft].iter().flat_map(|tree| tree.iter().map(|(path, _)| path.clone())).collect();
    let mut plan = Plan::new();
    for path in paths {
        if !takes(&path) {
            base.remove(path.as_str());
            continue;
        }
        let entry = |tree: &Tree| tree.get(path.as_str()).copied();
        let (agreed, mine, theirs) = (entry(base), entry(folder), entry(draft));
        match decide(agreed, mine, theirs) {
            Some(step) => _ = plan.insert(path, step),
            None => agree(base, &path, mine),
        }
    }
    plan
}

/// Notes that both sides hold this.
pub(super) fn agree(base: &mut Tree, path: &ProjectPath, entry: Option<FileEntry>) {
    match entry {
        Some(entry) => _ = base.insert(path.clone(), entry),
        None => _ = base.remove(path.as_str()),
    }
}

fn decide(agreed: Option<FileEntry>, mine: Option<FileEntry>, theirs: Option<FileEntry>) -> Option<Step> {
    if mine == theirs {
        return None;
    }
    if mine == agreed {
        return Some(Step::Fetch { theirs, over: mine });
    }
    if theirs == agreed {
        return Some(Step::Send(mine));
    }
    Some(match (mine, theirs) {
        (Some(_), Some(theirs)) => Step::KeepBoth { theirs },
        // An edit outlives a deletion, whoever made which.
        (mine @ Some(_), None) => Step::Send(mine),
        (None, theirs) => Step::Fetch { theirs, over: None },
    })
}

/// A rename in a plan: a file that goes, and a new one that holds the same.
pub(super) fn renames(plan: &Plan, base: &Tree) -> Vec<(ProjectPath, ProjectPath)> {
    let gone = plan.iter().filter(|(_, step)| matches!(step, Step::Send(None)));
    let mut new: Vec<_> = plan
        .iter()
        .filter_map(|(path, step)| match step {
            Step::Send(Some(entry)) if base.get(path.as_str()).is_none() => Some((path, entry)),
            _ => None,
        })
        .collect();
    let pairs = gone.filter_map(|(from, _)| {
        let held = base.get(from.as_str())?;
        let place = new.iter().position(|(_, entry)| *entry == held)?;
        Some((from.clone(), new.swap_remove(place).0.clone()))
    });
    pairs.collect()
}

/// The name under which the other side's file is put beside ours: `App.theirs.tsx`, then `App.theirs-2.tsx` and so on,
/// the first that is free, or that holds the same already.
pub(super) fn name_of_theirs(
    path: &ProjectPath,
    theirs: &FileEntry,
    (folder, draft): (&Tree, &Tree),
) -> Option<ProjectPath> {
    let (parent, name) =
        path.as_str().rsplit_once('/').map_or(("", path.as_str()), |(parent, name)| (parent, name));
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    let parent = if parent.is_empty() { String::new() } else { format!("{parent}/") };
    let candidates = (1..=MOST_THEIRS).filter_map(|number| {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        ProjectPath::parse(&format!("{parent}{stem}.theirs{number}{end}")).ok()
    });
    let mut fitting = candidates.filter(|name| match folder.get(name.as_str()) {
        Some(entry) => entry.sha256 == theirs.sha256,
        None => draft.get(name.as_str()).is_none(),
    });
    fitting.next()
}

/// Versions of one file that lie beside each other; whoever has more has stopped looking at them.
const MOST_THEIRS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vitrine_model::{FileMode, Sha256};

    fn path(text: &str) -> ProjectPath {
        ProjectPath::parse(text).unwrap()
    }

    fn entry(content: &str) -> FileEntry {
        FileEntry {
            sha256: Sha256::of(content.as_bytes()),
            size: content.len() as u64,
            mode: FileMode::Regular,
        }
    }

    /// `a=1 b=2`
    fn tree(text: &str) -> Tree {
        let files = text.split_whitespace().map(|file| file.split_once('=').unwrap());
        files.map(|(name, content)| (path(name), entry(content))).collect()
    }

    fn planned(base: &str, folder: &str, draft: &str) -> (Plan, Tree) {
        let mut base = tree(base);
        let plan = plan(&mut base, &tree(folder), &tree(draft), |_| true);
        (plan, base)
    }

    fn step_of(base: &str, folder: &str, draft: &str) -> Option<Step> {
        planned(base, folder, draft).0.get(&path("a")).copied()
    }

    #[test]
    fn whoever_changed_wins_and_when_both_did_both_are_kept() {
        let (one, two, three) = (Some(entry("1")), Some(entry("2")), entry("3"));
        assert_eq!(step_of("a=1", "a=2", "a=1"), Some(Step::Send(two)));
        assert_eq!(step_of("a=1", "a=1", "a=2"), Some(Step::Fetch { theirs: two, over: one }));
        assert_eq!(step_of("a=1", "a=2", "a=3"), Some(Step::KeepBoth { theirs: three }));
        assert_eq!(step_of("", "a=2", "a=3"), Some(Step::KeepBoth { theirs: three }), "never met before");
        assert_eq!(step_of("a=1", "a=2", "a=2"), None, "both made the same change");
    }

    #[test]
    fn a_deletion_is_carried_over_unless_the_other_side_edited() {
        let two = Some(entry("2"));
        assert_eq!(step_of("a=1", "", "a=1"), Some(Step::Send(None)));
        assert_eq!(step_of("a=1", "a=1", ""), Some(Step::Fetch { theirs: None, over: Some(entry("1")) }));
        assert_eq!(
            step_of("a=1", "", "a=2"),
            Some(Step::Fetch { theirs: two, over: None }),
            "their edit stays"
        );
        assert_eq!(step_of("a=1", "a=2", ""), Some(Step::Send(two)), "my edit stays");
        assert_eq!(step_of("a=1", "", ""), None);
    }

    #[test]
    fn what_the_folder_leaves_alone_is_neither_deleted_nor_fetched() {
        let mut base = tree("dist/a=1 b=1");
        let plan = plan(&mut base, &tree("b=1"), &tree("dist/a=1 dist/c=2 b=1"), |path| {
            !path.as_str().starts_with("dist/")
        });
        assert_eq!(plan, Plan::new());
        assert_eq!(base, tree("b=1"), "when it counts again, both sides are compared anew");
    }

    #[test]
    fn a_file_that_moved_is_a_rename() {
        let (plan, base) = planned("a=1 b=2", "c=1 b=2 d=2", "a=1 b=2");
        assert_eq!(renames(&plan, &base), [(path("a"), path("c"))], "d is a copy: b is still there");
    }

    #[test]
    fn their_version_gets_a_name_of_its_own() {
        let name = |of: &str, folder: &str, draft: &str| {
            name_of_theirs(&path(of), &entry("9"), (&tree(folder), &tree(draft))).unwrap().to_string()
        };
        assert_eq!(name("src/App.tsx", "", ""), "src/App.theirs.tsx");
        assert_eq!(name("src/App.tsx", "src/App.theirs.tsx=1", ""), "src/App.theirs-2.tsx");
        assert_eq!(name("src/App.tsx", "", "src/App.theirs.tsx=9"), "src/App.theirs-2.tsx");
        assert_eq!(name("src/App.tsx", "src/App.theirs.tsx=9", ""), "src/App.theirs.tsx", "it is there");
        assert_eq!(name("Makefile", "", ""), "Makefile.theirs");
        assert_eq!(name(".env", "", ""), ".env.theirs");
    }

    fn any_tree() -> impl Strategy<Value = Tree> {
        proptest::collection::btree_map(0..4_u8, 0..4_u8, 0..4).prop_map(|files| {
            files
                .iter()
                .map(|(name, content)| (path(&format!("f{name}")), entry(&content.to_string())))
                .collect()
        })
    }

    /// Does what a plan says, as if nobody else did anything meanwhile.
    fn carried_out(plan: &Plan, base: &mut Tree, folder: &mut Tree, draft: &mut Tree) {
        for (path, step) in plan {
            match *step {
                Step::Send(mine) => {
                    agree(draft, path, mine);
                    agree(base, path, mine);
                }
                Step::Fetch { theirs, over } => {
                    assert_eq!(folder.get(path.as_str()).copied(), over);
                    agree(folder, path, theirs);
                    agree(base, path, theirs);
                }
                Step::KeepBoth { theirs } => {
                    let name = name_of_theirs(path, &theirs, (folder, draft)).unwrap();
                    folder.insert(name, theirs);
                    base.insert(path.clone(), theirs);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn two_rounds_bring_both_sides_together_and_no_edit_is_lost(
            base in any_tree(), mine in any_tree(), theirs in any_tree()
        ) {
            let (mut agreed, mut folder, mut draft) = (base.clone(), mine.clone(), theirs.clone());
            for _ in 0..2 {
                let plan = plan(&mut agreed, &folder, &draft, |_| true);
                carried_out(&plan, &mut agreed, &mut folder, &mut draft);
            }
            prop_assert_eq!(&folder, &draft);
            prop_assert_eq!(&folder, &agreed);
            let kept: Vec<_> = folder.iter().map(|(_, entry)| entry.sha256).collect();
            for (path, entry) in mine.iter().chain(theirs.iter()) {
                let is_edit = base.get(path.as_str()) != Some(entry);
                prop_assert!(!is_edit || kept.contains(&entry.sha256), "an edit of {path} is lost");
            }
        }
    }
}
