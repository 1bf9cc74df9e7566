//! Recording: what `uv` and `pip` install, written down in shells, and taken into `.dkr.conf`.

mod adopt;
mod in_container;
mod shim;

use crate::common::Sandbox;

/// Shells and scripts of users say `overlay` where it is `record` today.
#[test]
fn the_old_names_do_the_same() {
    let sandbox = Sandbox::new();
    let dkr = |args: &[&str]| sandbox.dkr(sandbox.root(), args);
    let printed = |job: &str| dkr(&[job, "shim", "--shell=bash"]).ok().stdout;
    assert_eq!(printed("overlay"), printed("record"));
    let adopt = |job: &str| dkr(&[job, "adopt", "--dry-run"]).exits(1).stderr;
    assert_eq!(adopt("overlay"), adopt("record"));
    let help = dkr(&["overlay", "--help"]).ok().stdout;
    assert!(!help.contains("shim") && !help.contains("adopt"), "{help}");
}
