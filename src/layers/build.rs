//! Building what was planned: what does not stand on each other side by side.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};

use super::dockerfile::{BASE_IMAGE, to_build, without_syntax};
use super::files;
use super::plan::{INPUTS, KEY, Node, Plan, State};
use crate::conf::{self, Host, ca};
use crate::engine::{BuildSpec, Engine, EngineError, Found};
use crate::fs::{Lock, Scratch, write_private};
use crate::proc::lock;
use crate::{digest, proc, ui};

/// Builds run mostly outside of us, and wait for networks and disks.
const AT_ONCE: usize = 4;

/// What builds work with.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The engine that knows what is there.
    pub engine: &'a Engine,
    /// Settings of the machine.
    pub host: &'a Host,
}

/// Builds whatever of the plan is not there, and these places of it in any case. At the first
/// failure nothing more is begun, and what runs is waited for.
pub fn build(site: Site, plan: &Plan, force: &[usize]) -> Result<()> {
    let forced = forced(plan, force);
    let todo: Vec<bool> = plan
        .nodes
        .iter()
        .zip(&forced)
        .map(|(node, forced)| *forced || !matches!(node.state, State::Built { named: true, .. }))
        .collect();
    let wanted = todo.iter().filter(|todo| **todo).count();
    if wanted == 0 {
        return Ok(());
    }
    let queue = Queue {
        state: Mutex::new(
            todo.iter()
                .map(|todo| if *todo { Turn::Waits } else { Turn::Done })
                .collect(),
        ),
        changed: Condvar::new(),
    };
    let board = ui::Board::new();
    let failure: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..wanted.min(AT_ONCE) {
            scope.spawn(|| {
                while let Some(at) = queue.next(plan) {
                    let node = &plan.nodes[at];
                    let made = make(site, node, forced[at], &board)
                        .with_context(|| format!("cannot build the layer {}", node.layer.name()));
                    queue.end(at, made.is_ok());
                    if let Err(error) = made {
                        lock(&failure).get_or_insert(error);
                    }
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What stands on something that is built anew is built anew.
fn forced(plan: &Plan, force: &[usize]) -> Vec<bool> {
    let mut forced = vec![false; plan.nodes.len()];
    for (at, node) in plan.nodes.iter().enumerate() {
        forced[at] = force.contains(&at) || node.below.iter().any(|below| forced[*below]);
    }
    forced
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Waits,
    Runs,
    Done,
    /// It failed, and nothing more is begun.
    Failed,
}

struct Queue {
    state: Mutex<Vec<Turn>>,
    changed: Condvar,
}

impl Queue {
    /// The next place whose images below are all there, when one is; waits for it. `None` when
    /// there is nothing left to begin.
    fn next(&self, plan: &Plan) -> Option<usize> {
        let mut turns = lock(&self.state);
        loop {
            if turns.contains(&Turn::Failed) || !turns.contains(&Turn::Waits) {
                return None;
            }
            let ready = |at: &usize| {
                let below = &plan.nodes[*at].below;
                turns[*at] == Turn::Waits && below.iter().all(|below| turns[*below] == Turn::Done)
            };
            if let Some(at) = (0..turns.len()).find(ready) {
                turns[at] = Turn::Runs;
                return Some(at);
            }
            turns = self
                .changed
                .wait(turns)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, at: usize, well: bool) {
        lock(&self.state)[at] = if well { Turn::Done } else { Turn::Failed };
        self.changed.notify_all();
    }
}

/// Makes one image, or names one that is there.
fn make(site: Site, node: &Node, force: bool, board: &ui::Board) -> Result<()> {
    proc::check_interrupted()?;
    let engine = site.engine;
    if let State::Built { id, .. } = &node.state
        && !force
    {
        let before = engine.inspect_one(&node.tag)?;
        engine.tag(id, &node.tag)?;
        board.above(|| ui::status("tagged", &node.tag));
        return remove_former(site, before.map(|old| old.id), id);
    }
    let name = digest::short(&[&node.tag]);
    let path = conf::cache_folder("locks")?.join(format!("layer-{name}.lock"));
    let _lock = Lock::take(&path, &format!("another build of {}", node.tag))?;
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
        ui::status("build", &what);
    }
    let line = board.line(&what);
    let built = run(site, node, key, force, |step| {
        line.say(&format!("{}  {step}", node.tag));
    })?;
    drop(line);
    let size = ui::bytes(built.size);
    let time = ui::seconds(began.elapsed());
    board.above(|| ui::status("built", &format!("{}  {size} in {time}", node.tag)));
    remove_former(site, before.map(|old| old.id), &built.id)
}

/// Gives the disk of an image back that has lost its only name.
fn remove_former(site: Site, before: Option<String>, now: &str) -> Result<()> {
    match before.filter(|before| before != now) {
        Some(old) => site.engine.remove_if_nameless(&old, false),
        None => Ok(()),
    }
}

fn run(site: Site, node: &Node, key: &str, force: bool, on_step: impl Fn(&str)) -> Result<Found> {
    let scratch = Scratch::new()?;
    let context = scratch.folder("context")?;
    files::write(&node.layer.files, &context)?;
    let bundle = site.host.ca_bundle.as_ref().map(|bundle| &bundle.value);
    let text = to_build(
        &node.layer.dockerfile,
        &node.layer.definition.environment,
        bundle.is_some(),
    );
    let mut spec = BuildSpec {
        context,
        dockerfile: Some(scratch.path().join("Dockerfile")),
        tag: node.tag.clone(),
        labels: labels(node, key)?,
        build_args: build_args(node),
        pass_env: conf::proxies(),
        no_cache: force,
        ..BuildSpec::default()
    };
    if let Some(bundle) = bundle {
        spec.secrets.push(ca::secret(bundle, scratch.path())?);
    }
    let built = attempt(site.engine, &spec, &text, &on_step);
    let syntax = node.layer.text.syntax.is_some();
    match built {
        Err(error) if syntax && is_missing_frontend(&error) => {
            ui::warn(format!(
                "the frontend that the Dockerfile of {} names cannot be fetched; trying the engine's own",
                node.layer.name()
            ));
            attempt(site.engine, &spec, &without_syntax(&text), &on_step)
        }
        other => other,
    }
}

fn attempt(
    engine: &Engine,
    spec: &BuildSpec,
    text: &str,
    on_step: &impl Fn(&str),
) -> Result<Found> {
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

fn labels(node: &Node, key: &str) -> Result<Vec<(String, String)>> {
    let inputs = serde_json::to_string(&node.inputs)?;
    Ok(vec![
        (KEY.to_owned(), key.to_owned()),
        (INPUTS.to_owned(), inputs),
    ])
}

fn build_args(node: &Node) -> Vec<(String, String)> {
    let base = node.base.iter();
    let base = base.map(|base| (BASE_IMAGE.to_owned(), base.clone()));
    let args = node.layer.definition.args.iter();
    base.chain(args.map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}

/// Fetches images that layers stand on, as their keys are not known before.
pub fn pull(engine: &Engine, images: &[String]) -> Result<()> {
    // Nothing is fetched for a build that cannot be.
    engine.can_build()?;
    for image in images {
        ui::status("pull", image);
        engine.pull(image)?;
    }
    Ok(())
}
