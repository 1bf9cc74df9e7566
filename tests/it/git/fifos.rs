//! A FIFO where a file of ours should be, put there by somebody else who may write to the repository:
//! nobody waits for its other end.

use git_dkr::image::query::watch_list;

use super::found;
use crate::common::{Sandbox, run};

#[test]
fn the_watch_list_is_a_file_or_nothing() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let directory = repo.path.join(".git/dkr");
    std::fs::create_dir(&directory).unwrap();
    for name in ["watch", "images", "told", "far"] {
        run(sandbox.command("mkfifo").arg(directory.join(name)));
    }
    let repo = found(&repo);
    assert_eq!(watch_list::read(&repo), []);
    watch_list::write(&repo, &[]).unwrap();
}
