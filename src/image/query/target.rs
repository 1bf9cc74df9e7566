//! Which commit an image is to hold, and what it follows.

use anyhow::{Context, Result, bail};

use crate::error::Failure;
use crate::git::{Head, Repo};
use crate::image::model::branch_from::{self, BranchFrom};
use crate::image::model::{Target, labels};
use crate::ui::Printer;

/// Whether to ask remotes for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchMode {
    /// Fetch the branch of a remote first, and say so.
    Yes(Printer),
    /// Take what is here.
    No,
}

/// Resolves what the user typed (`HEAD` when nothing was).
pub fn resolve(repo: &Repo, typed: Option<&str>, fetch: FetchMode) -> Result<Target> {
    let target = find(repo, typed.unwrap_or("HEAD"), fetch)?;
    refuse_odd_name(&target)?;
    Ok(target)
}

/// Git keeps refs of names that it takes for no branch of its own (`git branch` refuses them), and an
/// image could not be told of by them either: git would read the name as an option.
fn refuse_odd_name(target: &Target) -> Result<()> {
    let Target { branch, commit, .. } = target;
    let odd = match labels::line("name", branch) {
        Err(_) if branch.starts_with('-') => "begins with a hyphen",
        Err(_) => "has control characters in it",
        Ok(_) if branch == "HEAD" => "is that of HEAD",
        Ok(_) => return Ok(()),
    };
    let local = target.reference.as_deref() == Some(&format!("refs/heads/{branch}"));
    let rename = shlex::try_quote(branch).ok().filter(|_| local);
    let hint = match rename {
        Some(branch) => format!("git branch -m -- {branch} NAME renames it"),
        None => format!("name the commit in place of it: {commit}"),
    };
    let message = format!("{branch:?} cannot be the branch of an image, as its name {odd}");
    bail!(Failure::new(message).hint(hint))
}

fn find(repo: &Repo, typed: &str, fetch: FetchMode) -> Result<Target> {
    let remotes = repo.remotes()?;
    match branch_from::parse(typed, &remotes) {
        BranchFrom::Head => head(repo, &remotes),
        BranchFrom::Remote { remote, branch } => {
            if let FetchMode::Yes(printer) = fetch {
                // No moving line: git may ask for a passphrase meanwhile.
                printer.status("fetch", &format!("{branch} from {remote}"));
                repo.fetch_branch(&remote, &branch)?;
            }
            let reference = format!("refs/remotes/{remote}/{branch}");
            let commit = repo.commits(&[&reference])?.remove(0).ok_or_else(|| {
                Failure::new(format!("{branch} of {remote} is not here yet"))
                    .hint(format!("git fetch {remote}"))
            })?;
            Ok(Target {
                branch_from: typed.to_owned(),
                branch,
                reference: Some(reference),
                commit,
            })
        }
        BranchFrom::Local(name) => local(repo, &name),
    }
}

fn head(repo: &Repo, remotes: &[String]) -> Result<Target> {
    match repo.head()? {
        Head::Branch(branch) => {
            let reference = format!("refs/heads/{branch}");
            let Some(commit) = repo.commits(&[&reference])?.remove(0) else {
                let empty = Failure::new(format!("{branch} has no commit yet"))
                    .hint("make a first commit, or name another branch");
                bail!(broken(repo, &branch)?.unwrap_or(empty));
            };
            // Of a local branch `origin/main` the short name is that of another.
            let short = branch_from::parse(&branch, remotes) == BranchFrom::Local(branch.clone());
            let branch_from = match short && !branch.starts_with("refs/") {
                true => branch.clone(),
                false => reference.clone(),
            };
            Ok(Target {
                branch_from,
                branch,
                reference: Some(reference),
                commit,
            })
        }
        Head::Detached => {
            let commit = repo
                .commits(&["HEAD"])?
                .remove(0)
                .context("HEAD points to no commit")?;
            Ok(Target {
                branch_from: commit.to_string(),
                branch: commit.to_string(),
                reference: None,
                commit,
            })
        }
    }
}

/// Why a branch or a tag that is there leads to no commit.
fn broken(repo: &Repo, name: &str) -> Result<Option<Failure>> {
    let in_full = name.starts_with("refs/").then(|| name.to_owned());
    let short = ["heads", "tags"].map(|place| format!("refs/{place}/{name}"));
    for reference in in_full.into_iter().chain(short) {
        if let Some(id) = repo.named_by(&reference)? {
            let failure = Failure::new(format!("{name} is at {id}, which cannot be read here"));
            return Ok(Some(failure.hint("git fsck says what else is broken")));
        }
    }
    Ok(None)
}

fn local(repo: &Repo, typed: &str) -> Result<Target> {
    let name = typed.strip_prefix("refs/heads/").unwrap_or(typed);
    let tag_name = typed.strip_prefix("refs/tags/").unwrap_or(typed);
    let reference = format!("refs/heads/{name}");
    let tag = format!("refs/tags/{tag_name}");
    let full = format!("refs/{typed}");
    // A branch may be called `refs/heads/x`.
    let nested = format!("refs/heads/{typed}");
    let mut found = match branch_from::can_be_ref(name) {
        true => repo.commits(&[&reference, &tag, &full, &nested])?,
        false => Vec::new(),
    }
    .into_iter();
    let (branch, tagged, shortened) = (found.next(), found.next(), found.next());
    let nests = found.next().flatten().is_some();
    let target = |branch: &str, reference, commit| Target {
        branch_from: typed.to_owned(),
        branch: branch.to_owned(),
        reference,
        commit,
    };
    if let Some(commit) = branch.flatten() {
        return Ok(target(name, Some(reference), commit));
    }
    if let Some(commit) = tagged.flatten() {
        return Ok(target(tag_name, None, commit));
    }
    // As git shortens a name that would be ambiguous.
    let is_short = typed.starts_with("heads/") || typed.starts_with("tags/");
    if is_short && shortened.flatten().is_some() {
        return local(repo, &full);
    }
    if nests {
        return local(repo, &nested);
    }
    // git fails altogether on `@{upstream}` of a branch that has none.
    match repo.commits(&[typed]).map(|mut found| found.remove(0)) {
        Ok(Some(commit)) => {
            let found = target(commit.as_str(), None, commit.clone());
            Ok(match branch_from::can_be_ref(typed) {
                true => found,
                // What it leads to tomorrow is another commit, which this image is not of.
                false => Target {
                    branch_from: commit.to_string(),
                    ..found
                },
            })
        }
        _ => bail!(unknown(repo, typed)?),
    }
}

fn unknown(repo: &Repo, typed: &str) -> Result<Failure> {
    if let Some(kind) = repo.kind_of(typed)?.filter(|kind| kind != "commit") {
        return Ok(
            Failure::new(format!("{typed} is a {kind}, and not a commit"))
                .hint("git branch -a lists the branches, git log the commits"),
        );
    }
    if branch_from::can_be_ref(typed)
        && let Some(failure) = broken(repo, typed)?
    {
        return Ok(failure);
    }
    let shown = repo.path.display();
    let failure = Failure::new(format!(
        "no branch, tag or commit is called {typed} in {shown}"
    ));
    let names = repo.branch_names()?;
    let remotes = repo.remotes()?;
    let of_remotes: Vec<String> = remotes
        .iter()
        .map(|remote| format!("{remote}/{typed}"))
        .filter(|name| names.contains(name))
        .collect();
    if !of_remotes.is_empty() {
        return Ok(failure.hint(format!("did you mean {}?", of_remotes.join(" or "))));
    }
    let near = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&name, typed), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Ok(match near {
        Some((_, name)) => failure.hint(format!("did you mean {name}?")),
        None if typed.contains('/') && !remotes.is_empty() => {
            failure.hint(format!("the remotes are: {}", remotes.join(", ")))
        }
        None => failure.hint("git branch -a lists the branches"),
    })
}
