//! What a client of the embedded server may ask for: a pure decision.

use super::{ServerConfig, URL_PATH};

/// A request that will be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientRequest {
    /// Read objects and refs.
    Upload,
    /// Push, within the limits of a [`super::ReceivePolicy`]: to a submodule where its git directory below
    /// that of the repository is named.
    Receive(PushKind, Option<String>),
    /// Push contents of git-lfs.
    Contents,
    /// Take all objects of a build, packed and indexed.
    Objects,
}

/// What is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PushKind {
    /// Branches, which go forward.
    Branches,
    /// Work that is saved: it goes wherever the container is.
    SavedWork,
}

/// Decides on an ssh `exec` request; the error is said to the client.
pub(super) fn decide(command: &[u8], serve: &ServerConfig) -> Result<ClientRequest, String> {
    let text = String::from_utf8_lossy(command);
    let words = shlex::split(&text).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (request, path) = match words[..] {
        ["git-upload-pack", path] | ["git", "upload-pack", path] => (ClientRequest::Upload, path),
        ["git-receive-pack", path] | ["git", "receive-pack", path] => {
            (ClientRequest::Receive(PushKind::Branches, None), path)
        }
        ["git-dkr-save", path] => (ClientRequest::Receive(PushKind::SavedWork, None), path),
        ["git-dkr-objects", path] => (ClientRequest::Objects, path),
        ["git-lfs-transfer", path, "upload"] => (ClientRequest::Contents, path),
        _ => {
            return Err("git dkr serves git fetch and git push here, and nothing else".to_owned());
        }
    };
    let below = path
        .strip_prefix(URL_PATH)
        .and_then(|rest| rest.strip_prefix('/'));
    let request = match (request, below) {
        (request, _) if path == URL_PATH => request,
        (ClientRequest::Receive(kind, _), Some(below)) if below.starts_with("modules/") => {
            ClientRequest::Receive(kind, Some(below.to_owned()))
        }
        _ => return Err(format!("git dkr serves {URL_PATH} here, and nothing else")),
    };
    let reads = matches!(request, ClientRequest::Upload | ClientRequest::Objects);
    if !reads && serve.receive.is_none() {
        return Err("git dkr takes no push here".to_owned());
    }
    if request == ClientRequest::Objects && serve.objects.is_none() {
        return Err("git dkr hands over no objects here: use git fetch".to_owned());
    }
    Ok(request)
}

/// Whether a value of `GIT_PROTOCOL` is one that git itself would send.
pub(super) fn is_git_protocol(value: &str) -> bool {
    !value.is_empty()
        && value.len() < 100
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Repo;
    use crate::proc::Cmd;
    use crate::ssh::{ObjectTransfer, ReceivePolicy};

    fn corner() -> ReceivePolicy {
        let directory = tempfile::tempdir().unwrap();
        let made = Cmd::new("git")
            .args(["init", "--quiet"])
            .arg(directory.path())
            .output();
        assert!(made.unwrap().status.success());
        ReceivePolicy::new(&Repo::find(Some(directory.path())).unwrap(), "x", false).unwrap()
    }

    fn serve(receive: bool) -> ServerConfig {
        ServerConfig {
            receive: receive.then(corner),
            ..ServerConfig::of("/repo")
        }
    }

    #[test]
    fn only_the_one_repository_and_git_s_two_commands() {
        let decide = |command: &str, receive| decide(command.as_bytes(), &serve(receive));
        assert_eq!(
            decide("git-upload-pack '/workspace'", false),
            Ok(ClientRequest::Upload)
        );
        assert_eq!(
            decide("git-receive-pack '/workspace'", true),
            Ok(ClientRequest::Receive(PushKind::Branches, None))
        );
        assert_eq!(
            decide("git-lfs-transfer /workspace upload", true),
            Ok(ClientRequest::Contents)
        );
        assert_eq!(
            decide("git-receive-pack '/workspace/modules/a b'", true),
            Ok(ClientRequest::Receive(
                PushKind::Branches,
                Some("modules/a b".into())
            ))
        );
        assert_eq!(
            decide("git-dkr-save '/workspace/modules/a'", true),
            Ok(ClientRequest::Receive(
                PushKind::SavedWork,
                Some("modules/a".into())
            ))
        );
        for refused in [
            "",
            "sh",
            "git-dkr-save '/workspace'",
            "git-lfs-transfer /workspace upload",
            "git-lfs-transfer /workspace download",
            "git-upload-pack '/workspace/modules/a'",
            "git-receive-pack '/workspace/modules/a'",
            "git-receive-pack '/workspace/objects'",
            "git-upload-pack '/etc'",
            "git-upload-pack '/workspace' --strict",
            "git-upload-pack /workspace; sh",
            "git-upload-archive '/workspace'",
            "git-upload-pack '/workspace",
            "git-receive-pack '/workspace'",
            "git-dkr-objects '/workspace'",
        ] {
            assert!(decide(refused, false).is_err(), "{refused}");
        }
    }

    #[test]
    fn objects_where_there_are_some() {
        let delivery = ObjectTransfer::start(0, |_| anyhow::bail!("none"));
        let serve = ServerConfig {
            objects: Some(delivery.handle()),
            ..serve(false)
        };
        let decide = |command: &str| decide(command.as_bytes(), &serve);
        assert_eq!(
            decide("git-dkr-objects '/workspace'"),
            Ok(ClientRequest::Objects)
        );
        assert!(decide("git-dkr-objects '/etc'").is_err());
        assert!(decide("git-dkr-objects").is_err());
    }

    #[test]
    fn git_protocol_is_letters_and_digits() {
        assert!(is_git_protocol("version=2"));
        assert!(is_git_protocol("version=2:key=value"));
        for refused in ["", "a b", "x\ny", "$(x)"] {
            assert!(!is_git_protocol(refused), "{refused}");
        }
    }
}
