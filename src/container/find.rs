//! The container that a user names.

use super::inventory::{Container, Containers};
use crate::engine::{ContainerState, EngineKind};
use crate::error::Failure;
use crate::suggest;

/// The command that shows which there are.
const LIST: &str = "git dkr list-containers";

/// A container of the repository by its name, or by the beginning of it that no other has.
pub(crate) fn find<'a>(containers: &'a Containers, name: &str) -> Result<&'a Container, Failure> {
    let here = &containers.here;
    if let Some(exact) = here.iter().find(|container| container.name == name) {
        return Ok(exact);
    }
    let begins = |container: &&Container| !name.is_empty() && container.name.starts_with(name);
    let meant: Vec<&Container> = here.iter().filter(begins).collect();
    if let [only] = meant[..] {
        return Ok(only);
    }
    if !meant.is_empty() {
        let mut names: Vec<&str> = meant.iter().map(|container| &*container.name).collect();
        names.sort_unstable();
        let names = names.join(" and ");
        return Err(Failure::new(format!(
            "{name} is the beginning of {} names: {names}",
            meant.len()
        ))
        .hint("give more of the name"));
    }
    let mut elsewhere = containers.elsewhere.iter();
    if let Some(path) = elsewhere
        .find(|container| container.name == name)
        .and_then(Container::repo_path)
    {
        let shown = path.display().to_string();
        let quoted = shlex::try_quote(&shown).map_or(shown.clone(), |quoted| quoted.into_owned());
        return Err(Failure::new(format!(
            "the container {name} is of another repository, {shown}"
        ))
        .hint(format!("run the command there: cd {quoted}")));
    }
    let known: Vec<&str> = here.iter().map(|container| &*container.name).collect();
    let hint = match suggest::nearest(name, &known) {
        Some(near) => format!("did you mean {near}? {LIST} shows them all"),
        None => format!("{LIST} shows what there is"),
    };
    let failure = Failure::new(format!(
        "no container of this repository is called {name:?}"
    ));
    Err(failure.hint(hint))
}

/// That a command can be run in it.
pub(crate) fn check_running(container: &Container, engine: EngineKind) -> Result<(), Failure> {
    let name = &container.name;
    let resume = format!("git dkr resume {name}");
    let (what, hint) = match container.live.as_ref().map(|live| live.state) {
        Some(ContainerState::Running) => return Ok(()),
        Some(ContainerState::Paused) => ("is paused", format!("{engine} unpause {name}")),
        Some(ContainerState::Created) => (
            "was made, but has not started",
            format!("if it does not start in a moment: {engine} rm {name}"),
        ),
        Some(ContainerState::Exited(_)) => ("has ended", resume),
        None => ("has ended; its work is saved", resume),
    };
    Err(Failure::new(format!("the container {name} {what}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::inventory::tests::{here, live};

    fn told(failure: &Failure) -> String {
        format!("{failure}\n  hint: {}", failure.advice().unwrap_or("none"))
    }

    #[test]
    fn a_name_or_its_beginning() {
        let engine = vec![
            live("shop-1a2b", "/shop", ContainerState::Running),
            live("shop-1a", "/shop", ContainerState::Running),
            live("other-9", "/it's other", ContainerState::Running),
        ];
        let all = here(engine, &["shop-77", "fix"]);
        for (name, found) in [
            ("shop-1a", "shop-1a"),
            ("shop-1a2", "shop-1a2b"),
            ("shop-7", "shop-77"),
            ("f", "fix"),
        ] {
            assert_eq!(find(&all, name).unwrap().name, found);
        }
        let wrong = ["shop", "", "other-9", "shop-1b2a", "zzz", "\x1b[2J"];
        let wrong = wrong.map(|name| told(&find(&all, name).unwrap_err()));
        insta::assert_snapshot!(wrong.join("\n"));
    }

    #[test]
    fn what_does_not_run_is_told_with_what_to_do() {
        let states = [
            ContainerState::Paused,
            ContainerState::Created,
            ContainerState::Exited(Some(1)),
        ];
        let engine = states.map(|state| live("box", "/shop", state));
        let mut all = here(engine.into(), &[]);
        all.here.extend(here(Vec::new(), &["old"]).here);
        let told = all
            .here
            .iter()
            .map(|container| told(&check_running(container, EngineKind::Docker).unwrap_err()));
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
        let running = here(vec![live("box", "/shop", ContainerState::Running)], &[]);
        assert!(check_running(&running.here[0], EngineKind::Docker).is_ok());
    }
}
