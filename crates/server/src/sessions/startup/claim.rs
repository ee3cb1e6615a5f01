//! A start on a dev server that runs already: the pool's, with the files of the app's template.

use std::sync::Arc;
use std::time::Duration;

use vitrine_build::is_input;
use vitrine_build::prebundle::PrebundleKey;
use vitrine_build::template::TemplatePack;
use vitrine_edge::SandboxUpstream;
use vitrine_model::problem::Problem;
use vitrine_model::session::StepName;
use vitrine_model::{ProjectPath, TreeDiff};
use vitrine_store::Draft;

use super::super::pool::{Recipe, Warm};
use super::super::preview::batch_between;
use super::super::probe;
use super::{Live, Order, Plan, SendError, Start};

/// Files that may differ from the template's. More are as soon served by a dev server that starts with them.
const MOST_CHANGES: usize = 200;

/// Files of the template that are asked for until the dev server has noticed that they changed.
const MOST_WATCHED: usize = 16;

/// One that runs already answers within milliseconds; one that does not has ended, or hangs.
const WARM_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// What became of the attempt.
pub(super) enum Claimed {
    /// It runs.
    Live(Box<Live>),
    /// There was none; here is the plan back.
    Nothing(Box<Plan>),
}

impl Start {
    /// What could serve this start in place of a sandbox of its own, which goes for apps of a template whose dev server is
    /// given nothing that belongs to the app, and whose files differ in nothing that dev servers read once.
    pub(super) fn recipe(&self, template: Option<&TemplatePack>, plan: &Plan) -> Option<Arc<Recipe>> {
        let (template, layer) = (template?, plan.ground.layer.as_ref()?);
        let keys = [PrebundleKey::Template(template.hash)];
        // Somebody's own command, or what somebody's own dev server made, never runs ahead: it is nobody else's.
        let is_the_templates =
            plan.owner.is_none() && plan.ground.prebundle == self.context.provision.prebundle(layer, &keys);
        let is_plain = is_the_templates
            && plan.order.given.environment.is_empty()
            && !plan.ground.reaches_out
            && self.memory_doublings == 0
            && self.context.driver.isolates_network();
        if !is_plain || !is_near(&plan.draft.tree.diff(&template.tree)) {
            return None;
        }
        let recipe = Recipe::new(template, layer, plan.ground.mounts(), &plan.order);
        Some(Arc::new(recipe))
    }

    /// Starts with a sandbox of the pool, if it has one.
    pub(super) async fn claimed(&self, recipe: Arc<Recipe>, plan: Plan) -> Result<Claimed, Problem> {
        let Some(warm) = self.context.pool.claim(&self.context, &recipe) else {
            return Ok(Claimed::Nothing(Box::new(plan)));
        };
        tracing::debug!(app = %self.app, sandbox = %warm.sandbox.id(), "claimed");
        self.stopwatch.begin(StepName::Sandbox);
        let diff = plan.draft.tree.diff(&recipe.tree);
        if let Err(error) = self.fill(&warm, &recipe, &plan, &diff).await {
            // It may have died in the pool; a sandbox of its own is as good.
            tracing::debug!(app = %self.app, %error, "a warm sandbox was of no use");
            let _ = warm.sandbox.stop().await;
            return Ok(Claimed::Nothing(Box::new(plan)));
        }
        self.stopwatch.end(StepName::Sandbox);
        let (mut live, order) = self.live(plan, warm.sandbox, warm.events);
        live.pace.went(&diff, tokio::time::Instant::now());
        self.stopwatch.begin(StepName::DevServer);
        match tokio::time::timeout(WARM_ANSWERS_WITHIN, self.until_answers(&mut live)).await {
            Ok(Ok(())) => {
                self.stopwatch.end(StepName::DevServer);
                self.stopwatch.detail(StepName::Sandbox, "one that runs already");
                self.logs.hide(order.given.guard);
                live.is_pooled = true;
                Ok(Claimed::Live(Box::new(live)))
            }
            silent => {
                let problem = silent.ok().and_then(Result::err);
                tracing::debug!(app = %self.app, ?problem, "a warm dev server was of no use");
                self.close(&live.upstream);
                let _ = live.sandbox.stop().await;
                Ok(Claimed::Nothing(Box::new(live.into_plan(order))))
            }
        }
    }

    /// Nothing goes to this dev server any more.
    fn close(&self, upstream: &Arc<SandboxUpstream>) {
        self.publish.send_if_modified(|snapshot| {
            let is_open = snapshot.upstream.as_ref().is_some_and(|open| Arc::ptr_eq(open, upstream));
            if is_open {
                snapshot.upstream = None;
            }
            is_open
        });
    }

    /// Makes its files the app's, and waits until its dev server knows.
    async fn fill(
        &self,
        warm: &Warm,
        recipe: &Recipe,
        plan: &Plan,
        diff: &TreeDiff,
    ) -> Result<(), SendError> {
        let sandbox = warm.sandbox.as_ref();
        sandbox.usage().await?;
        let files = batch_between(&self.context, &self.scope, &recipe.tree, &plan.draft.tree, &self.contents);
        let batch = files.await?;
        if diff.put.is_empty() && diff.removed.is_empty() {
            return Ok(());
        }
        let was_there = |path: &&ProjectPath| recipe.tree.get(path.as_str()).is_some() && !path.is_at_root();
        let watched: Vec<_> = diff.put.iter().filter(was_there).take(MOST_WATCHED).cloned().collect();
        let before = probe::answers(sandbox, plan.order.port, &watched).await;
        sandbox.apply(batch).await?;
        probe::until_noticed(sandbox, plan.order.port, before).await;
        Ok(())
    }
}

impl Live {
    /// What it was made of, for another attempt.
    fn into_plan(self, order: Order) -> Plan {
        let Self { held: tree, version, inputs, owner, ground, .. } = self;
        Plan { draft: Draft { version, tree }, inputs, owner, ground, order }
    }
}

/// Dev servers read what lies at the root of a project when they start, but for the page.
fn is_near(diff: &TreeDiff) -> bool {
    let mut changed = diff.put.iter().chain(&diff.removed);
    diff.put.len() + diff.removed.len() <= MOST_CHANGES
        && changed.all(|path| is_read_each_time(path) || !(is_input(path) || path.is_at_root()))
}

fn is_read_each_time(path: &ProjectPath) -> bool {
    path.is_at_root() && (path.as_str() == "index.html" || path.as_str().ends_with(".md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(paths: &[&str]) -> TreeDiff {
        TreeDiff { put: paths.iter().map(|path| path.parse().unwrap()).collect(), removed: Vec::new() }
    }

    #[test]
    fn what_a_dev_server_reads_once_needs_one_of_its_own() {
        for near in [&[][..], &["src/App.tsx", "public/a.svg", "index.html", "README.md"]] {
            assert!(is_near(&changed(near)), "{near:?}");
        }
        for far in [
            "package.json",
            "vite.config.ts",
            ".env",
            "tsconfig.json",
            "postcss.config.js",
            "web/package.json",
        ] {
            assert!(!is_near(&changed(&["src/App.tsx", far])), "{far}");
        }
    }
}
