//! The shelf without sandboxes: what is lent, kept and collected.

use vitrine_model::source::fixed::FixedClock;

use super::*;
use crate::layers::inputs::InstallInputs;
use crate::profile::PackageManager;
use crate::toolchain::NodeMajor;

struct Fixture {
    dir: tempfile::TempDir,
    clock: Arc<FixedClock>,
    shelf: Shelf,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at_millis(1_700_000_000_000));
    let shelf = Shelf::open(dir.path(), clock.clone()).unwrap();
    Fixture { dir, clock, shelf }
}

fn job(name: &str) -> Job {
    let files =
        crate::Files::from([(ProjectPath::parse("package.json").unwrap(), Bytes::from_static(b"{}"))]);
    Job {
        id: Sha256::of(name.as_bytes()),
        manager: PackageManager::Npm,
        lockfile: None,
        node: NodeMajor::default(),
        inputs: InstallInputs::select(&files, PackageManager::Npm, None),
    }
}

impl Fixture {
    fn installed(&self, id: Sha256, bytes: u64) -> Installed {
        let staging = self.shelf.stage().unwrap();
        std::fs::create_dir(staging.path().join("node_modules")).unwrap();
        let stats = LayerStats { bytes, ..LayerStats::default() };
        Installed { staging, id, resolved_lockfile: None, diagnostics: Vec::new(), stats }
    }

    fn put(&self, name: &str, bytes: u64) -> Layer {
        let job = job(name);
        self.clock.advance_secs(1);
        self.shelf.put(&job, self.installed(job.id, bytes)).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.shelf.layer_dir(job(name).id).exists()
    }
}

#[test]
fn a_layer_in_use_is_never_collected_and_the_oldest_unused_goes_first() {
    let fixture = fixture();
    let in_use = fixture.put("in use", 10);
    drop(fixture.put("old", 10));
    drop(fixture.put("new", 10));
    assert_eq!(fixture.shelf.usage().unwrap(), (3, 1, 30));
    let surplus = fixture.shelf.surplus(25).unwrap();
    let outcome = fixture.shelf.collect(25).unwrap();
    assert_eq!(surplus, outcome, "told before, and nothing was removed by that");
    assert_eq!(outcome, Collected { removed: 1, removed_bytes: 10, kept_bytes: 20 });
    assert!(fixture.has("in use") && !fixture.has("old") && fixture.has("new"));
    assert_eq!(fixture.shelf.collect(0).unwrap().kept_bytes, 10);
    assert!(in_use.node_modules.is_dir());
    let clone = in_use.clone();
    drop(in_use);
    assert_eq!(fixture.shelf.collect(0).unwrap().removed, 0);
    drop(clone);
    assert_eq!(fixture.shelf.collect(0).unwrap().removed, 1);
    assert_eq!(std::fs::read_dir(fixture.dir.path().join(TRASH)).unwrap().count(), 0);
}

#[test]
fn use_makes_a_layer_young_again() {
    let fixture = fixture();
    drop(fixture.put("first", 10));
    drop(fixture.put("second", 10));
    fixture.clock.advance_secs(1);
    drop(fixture.shelf.find(&job("first")).unwrap());
    fixture.shelf.collect(10).unwrap();
    assert!(fixture.has("first") && !fixture.has("second"));
}

#[test]
fn an_answer_leads_to_its_layer_for_a_day() {
    let fixture = fixture();
    let request = job("no lockfile");
    let lockfile = (ProjectPath::parse("package-lock.json").unwrap(), Bytes::from_static(b"{}"));
    let mut installed = fixture.installed(Sha256::of(b"resolved"), 1);
    installed.resolved_lockfile = Some(lockfile.clone());
    drop(fixture.shelf.put(&request, installed).unwrap());
    let layer = fixture.shelf.find(&request).unwrap();
    assert_eq!((layer.resolved_lockfile, layer.reused), (Some(lockfile), true));
    fixture.clock.advance_secs(24 * 60 * 60);
    assert!(fixture.shelf.find(&request).is_none());
}

#[test]
fn opening_removes_what_was_on_its_way() {
    let fixture = fixture();
    let left = fixture.installed(Sha256::of(b"x"), 1).staging.keep();
    drop(fixture.put("kept", 1));
    let again = Shelf::open(fixture.dir.path(), fixture.clock.clone()).unwrap();
    assert!(!left.exists());
    assert!(again.find(&job("kept")).is_some());
}

#[test]
fn the_first_of_two_equal_layers_wins() {
    let fixture = fixture();
    let first = fixture.put("same", 1);
    std::fs::write(first.node_modules.join("mark"), "").unwrap();
    let second = fixture.put("same", 1);
    assert!(second.node_modules.join("mark").exists());
    assert_eq!(std::fs::read_dir(fixture.dir.path().join(STAGING)).unwrap().count(), 0);
}

#[test]
fn what_is_kept_beside_a_layer_counts_for_it() {
    let fixture = fixture();
    let layer = fixture.put("old", 10);
    drop(fixture.put("new", 10));
    for folder in ["prebundles/app_1/.vite", "compile-caches/node"] {
        let folder = layer.dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("file"), vec![1; 100_000]).unwrap();
    }
    assert!(fixture.shelf.collect(u64::MAX).unwrap().kept_bytes > 200_000);
    drop(layer);
    let outcome = fixture.shelf.collect(100_000).unwrap();
    assert!(
        outcome.removed == 1 && outcome.removed_bytes > 200_000 && outcome.kept_bytes == 10,
        "{outcome:?}"
    );
    assert!(fixture.has("new"));
}
