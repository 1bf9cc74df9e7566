//! Building what was planned: what does not stand on each other side by side.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};

use super::dockerfile::{BASE_IMAGE, to_build, without_syntax};
use super::files;
use super::plan::{INPUTS, KEY, LayerNode, LayerPlan, LayerState};
use super::toolchains;
use crate::conf::{self, Host, ca};
use crate::engine::{BuildSpec, Engine, EngineError, EngineImage};
use crate::fs::{Lock, TempDir, write_private};
use crate::proc::lock;
use crate::ui::{self, Board, Printer};
use crate::{digest, proc};

/// Builds run mostly outside of us, and wait for networks and disks.
const AT_ONCE: usize = 4;

/// What builds work with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerBuildContext<'a> {
    /// The engine that knows what is there.
    pub engine: &'a Engine,
    /// Settings of the machine.
    pub host: &'a Host,
    /// Says how it goes.
    pub printer: Printer,
}

/// What could not be built.
#[derive(Debug, Default)]
pub(crate) struct Unbuilt {
    /// Why, for each that failed.
    pub failures: Vec<(String, anyhow::Error)>,
    /// The layers that were not tried, as they stand on what failed.
    pub untried: Vec<String>,
}

/// What to do when something cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtFailure {
    /// Nothing more is begun.
    Stop,
    /// What does not stand on it is built.
    GoOn,
}

/// Builds whatever of the plan is not there, and these places of it in any case. At the first
/// failure nothing more is begun, and what runs is waited for.
pub(crate) fn build(context: LayerBuildContext, plan: &LayerPlan, force: &[usize]) -> Result<()> {
    let unbuilt = run_all(context, plan, force, AtFailure::Stop)?;
    match unbuilt.failures.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The same, but builds all that can be. An image that is not here and that something stands on
/// counts as tried before.
pub(crate) fn build_what_can_be(
    context: LayerBuildContext,
    plan: &LayerPlan,
    force: &[usize],
) -> Result<Unbuilt> {
    run_all(context, plan, force, AtFailure::GoOn)
}

fn run_all(
    context: LayerBuildContext,
    plan: &LayerPlan,
    force: &[usize],
    at_failure: AtFailure,
) -> Result<Unbuilt> {
    let forced = forced(plan, force);
    let turn = |(node, forced): (&LayerNode, &bool)| match &node.state {
        LayerState::Built { named: true, .. } if !forced => BuildState::Done,
        _ if node.key.is_none() && at_failure == AtFailure::GoOn => BuildState::Untried,
        _ => BuildState::Waits,
    };
    let turns: Vec<BuildState> = plan.nodes.iter().zip(&forced).map(turn).collect();
    let wanted = turns
        .iter()
        .filter(|turn| **turn == BuildState::Waits)
        .count();
    let queue = BuildQueue {
        turns: Mutex::new(turns),
        changed: Condvar::new(),
        at_failure,
    };
    let board = context.printer.board();
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..wanted.min(AT_ONCE) {
            scope.spawn(|| {
                while let Some(at) = queue.next(plan) {
                    let node = &plan.nodes[at];
                    let made = make(context, node, forced[at], &board)
                        .map_err(|error| toolchains::explain(&node.layer, error))
                        .with_context(|| format!("cannot build the layer {}", node.layer.name()));
                    queue.end(at, made.is_ok());
                    if let Err(error) = made {
                        lock(&failures).push((node.layer.name().to_owned(), error));
                    }
                }
            });
        }
    });
    let turns = queue.turns.into_inner();
    let turns = turns.unwrap_or_else(PoisonError::into_inner);
    let untried = plan.nodes.iter().zip(turns);
    let untried = untried.filter(|(_, turn)| *turn == BuildState::Untried);
    let unbuilt = Unbuilt {
        failures: failures
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
        untried: untried
            .map(|(node, _)| node.layer.name().to_owned())
            .collect(),
    };
    // What was stopped has not failed.
    proc::check_interrupted()?;
    Ok(unbuilt)
}

/// What stands on something that is built anew is built anew.
fn forced(plan: &LayerPlan, force: &[usize]) -> Vec<bool> {
    let mut forced = vec![false; plan.nodes.len()];
    for (at, node) in plan.nodes.iter().enumerate() {
        forced[at] = force.contains(&at) || node.below.iter().any(|below| forced[*below]);
    }
    forced
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BuildState {
    Waits,
    Runs,
    Done,
    Failed,
    /// Something that it stands on failed.
    Untried,
}

struct BuildQueue {
    turns: Mutex<Vec<BuildState>>,
    changed: Condvar,
    at_failure: AtFailure,
}

impl BuildQueue {
    /// The next place whose images below are all there, when one is; waits for it. `None` when
    /// there is nothing left to begin.
    fn next(&self, plan: &LayerPlan) -> Option<usize> {
        let mut turns = lock(&self.turns);
        loop {
            if self.at_failure == AtFailure::GoOn {
                leave_out(&mut turns, plan);
            } else if turns.contains(&BuildState::Failed) {
                return None;
            }
            if !turns.contains(&BuildState::Waits) || proc::check_interrupted().is_err() {
                return None;
            }
            let ready = |at: &usize| {
                let below = &plan.nodes[*at].below;
                turns[*at] == BuildState::Waits
                    && below.iter().all(|below| turns[*below] == BuildState::Done)
            };
            if let Some(at) = (0..turns.len()).find(ready) {
                turns[at] = BuildState::Runs;
                return Some(at);
            }
            turns = self
                .changed
                .wait(turns)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, at: usize, well: bool) {
        lock(&self.turns)[at] = if well {
            BuildState::Done
        } else {
            BuildState::Failed
        };
        self.changed.notify_all();
    }
}

/// What stands on something that failed has no turn any more. Each is behind what it stands on.
fn leave_out(turns: &mut [BuildState], plan: &LayerPlan) {
    for at in 0..turns.len() {
        let below = &plan.nodes[at].below;
        let lost =
            |below: &usize| matches!(turns[*below], BuildState::Failed | BuildState::Untried);
        if turns[at] == BuildState::Waits && below.iter().any(lost) {
            turns[at] = BuildState::Untried;
        }
    }
}

/// Makes one image, or names one that is there.
fn make(context: LayerBuildContext, node: &LayerNode, force: bool, board: &Board) -> Result<()> {
    proc::check_interrupted()?;
    let engine = context.engine;
    if let LayerState::Built { id, .. } = &node.state
        && !force
    {
        engine.move_tag(id, &node.tag)?;
        board.above(|| context.printer.status("tagged", &node.tag));
        return Ok(());
    }
    let _turn = turn(&node.tag, context.printer)?;
    let before = engine.inspect_one(&node.tag)?;
    let key = node
        .key
        .as_ref()
        .context("an image that it stands on is not there")?;
    if !force && before.as_ref().and_then(|b| b.labels.get(KEY)) == Some(key) {
        // Somebody else has built it meanwhile.
        return Ok(());
    }
    let began = Instant::now();
    let what = match &node.base {
        Some(base) => format!("{} on {base}", node.tag),
        None => node.tag.clone(),
    };
    if !board.is_shown() {
        context.printer.status("build", &what);
    }
    let line = board.line(&what);
    let built = run(context, node, key, force, |step| {
        line.say(&format!("{}  {step}", node.tag));
    })?;
    drop(line);
    let size = ui::bytes(built.size);
    let time = ui::seconds(began.elapsed());
    board.above(|| {
        context
            .printer
            .status("built", &format!("{}  {size} in {time}", node.tag))
    });
    match before.filter(|old| old.id != built.id) {
        Some(old) => engine.remove_if_nameless(&old.id, false),
        None => Ok(()),
    }
}

/// Gives images whose names hold their keys the plain names, too: what was built last is called so.
pub(crate) fn name_plainly(engine: &Engine, plan: &LayerPlan) -> Result<()> {
    for node in &plan.nodes {
        let Some(plain) = node.plain_name() else {
            continue;
        };
        if let Some(built) = engine.inspect_one(&node.tag)? {
            engine.move_tag(&built.id, plain)?;
        }
    }
    Ok(())
}

/// One build of a name at a time.
pub(crate) fn turn(tag: &str, printer: Printer) -> Result<Lock> {
    let name = digest::short(&[tag]);
    let path = conf::cache_directory("locks")?.join(format!("layer-{name}.lock"));
    Lock::acquire(&path, &format!("another build of {tag}"), printer)
}

fn run(
    context: LayerBuildContext,
    node: &LayerNode,
    key: &str,
    force: bool,
    on_step: impl Fn(&str),
) -> Result<EngineImage> {
    let temp_dir = TempDir::new()?;
    let directory = temp_dir.directory("context")?;
    files::write(&node.layer.files, &directory)?;
    let bundle = context.host.ca_bundle.as_ref().map(|bundle| &bundle.value);
    let text = to_build(
        &node.layer.dockerfile,
        &node.layer.definition.environment,
        bundle.is_some(),
    );
    let mut spec = BuildSpec {
        context: directory,
        dockerfile: Some(temp_dir.path().join("Dockerfile")),
        tag: node.tag.clone(),
        labels: labels(node, key)?,
        build_args: build_args(node),
        pass_env: conf::proxies(),
        no_cache: force,
        ..BuildSpec::default()
    };
    if let Some(bundle) = bundle {
        spec.secrets.push(ca::secret(bundle, temp_dir.path())?);
    }
    let built = attempt(context.engine, &spec, &text, &on_step);
    let syntax = node.layer.text.syntax.is_some();
    match built {
        Err(error) if syntax && is_missing_frontend(&error) => {
            context.printer.warn(format!(
                "the frontend that the Dockerfile of {} names cannot be fetched; trying the engine's own",
                node.layer.name()
            ));
            attempt(context.engine, &spec, &without_syntax(&text), &on_step)
        }
        other => other,
    }
}

fn attempt(
    engine: &Engine,
    spec: &BuildSpec,
    text: &str,
    on_step: &impl Fn(&str),
) -> Result<EngineImage> {
    let path = spec
        .dockerfile
        .as_deref()
        .unwrap_or(Path::new("Dockerfile"));
    write_private(path, text, 0o644)?;
    let built = engine.build(spec, |event| {
        if let Some(step) = event.started() {
            on_step(&step);
        }
    })?;
    built.tag(&spec.tag)
}

fn is_missing_frontend(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(EngineError::NoFrontend(_))))
}

fn labels(node: &LayerNode, key: &str) -> Result<Vec<(String, String)>> {
    let inputs = serde_json::to_string(&node.inputs)?;
    Ok(vec![
        (KEY.to_owned(), key.to_owned()),
        (INPUTS.to_owned(), inputs),
    ])
}

fn build_args(node: &LayerNode) -> Vec<(String, String)> {
    let base = node.base.iter();
    let base = base.map(|base| (BASE_IMAGE.to_owned(), base.clone()));
    let args = node.layer.definition.args.iter();
    base.chain(args.map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}

/// Fetches images that layers stand on, as their keys are not known before.
pub(crate) fn pull(engine: &Engine, images: &[String], printer: Printer) -> Result<()> {
    match pull_what_can_be(engine, images, printer)?
        .into_iter()
        .next()
    {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The same; gives those that cannot be had, and why.
pub(crate) fn pull_what_can_be(
    engine: &Engine,
    images: &[String],
    printer: Printer,
) -> Result<Vec<(String, anyhow::Error)>> {
    // Nothing is fetched for a build that cannot be.
    engine.can_build()?;
    let mut failures = Vec::new();
    for image in images {
        printer.status("pull", image);
        if let Err(error) = engine.pull(image) {
            proc::check_interrupted()?;
            let error = error.context(format!("cannot get the image {image}"));
            failures.push((image.clone(), error));
        }
    }
    Ok(failures)
}
