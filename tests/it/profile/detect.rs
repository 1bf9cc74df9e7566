//! A profile out of a commit.

use git_dkr::git::Repo;
use git_dkr::profile::detect;
use serde_json::json;

use crate::common::Sandbox;

#[test]
fn it_is_read_from_the_commit() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let opened = Repo::find(Some(&repo.path)).unwrap();
    let detect = || {
        let head = opened.commits(&["HEAD"]).unwrap().remove(0).unwrap();
        detect::profile(&opened, &head).unwrap()
    };
    assert_eq!(detect(), None);
    let nothing = sandbox
        .dkr(&repo.path, ["detect", "--format=profile"])
        .fails();
    nothing.says("how to install it");
    repo.commit(
        "Python",
        &[
            (
                "pyproject.toml",
                "[project]\nname = 'x'\nrequires-python = '>=3.10,<3.13'\n",
            ),
            ("requirements/dev.txt", "pytest\n"),
        ],
    );
    repo.write("setup.py", "not committed");
    let wanted = json!({ "profile": {
        "working_dir": ".",
        "status": "supported",
        "python_version_target": "3.10",
        "install_cmds": ["pip install -r requirements/dev.txt", "pip install -e ."],
    }});
    assert_eq!(detect().as_ref(), Some(&wanted));
    let shown = sandbox.dkr(&repo.path, ["detect", "--format=profile"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown, wanted);
}
