//! The hooks by which git tells when an image may have grown stale: how they are put into a
//! repository, beside whatever is there, and how they are taken out again without a trace.
//!
//! - pure: `script` (what the hooks are), `plan` (what is to be done), `report` (how it stands)
//! - ask: `directory` (where they go), `slot` (what lies there), `state` (all of it)
//! - act: `act`, undone when a step fails; `run`, what the hooks call, with `notified`, what was said
//!   already, and `auto`, the update in the background

mod act;
pub(crate) mod auto;
mod cost;
mod directory;
pub(crate) mod notified;
pub(crate) mod notify;
mod plan;
mod script;
mod slot;
mod state;
mod status;

pub(crate) use act::act;
pub(crate) use cost::cost;
pub(crate) use plan::{InstallOptions, InstallPlan, install, uninstall};
pub(crate) use state::HookState;
pub(crate) use status::{EventReport, HookStatus, report};

use serde::Serialize;

/// What git calls us for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A ref changed. Git has no hook of its own for a fetch.
    ReferenceTransaction,
    /// A merge, or the one in a pull.
    PostMerge,
    PostRewrite,
    /// Another branch is checked out.
    PostCheckout,
}

impl Event {
    pub(crate) const ALL: [Self; 4] = [
        Self::ReferenceTransaction,
        Self::PostMerge,
        Self::PostRewrite,
        Self::PostCheckout,
    ];

    /// Git's name of the hook.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReferenceTransaction => "reference-transaction",
            Self::PostMerge => "post-merge",
            Self::PostRewrite => "post-rewrite",
            Self::PostCheckout => "post-checkout",
        }
    }

    /// The section of git's config that is ours.
    fn section(self) -> String {
        format!("hook.dkr-{}", self.name())
    }
}

/// How git comes to run a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InstallMethod {
    /// Its config names a command: git 2.54 and later. Files of others are not touched.
    Config,
    /// A file in the directory of hooks, which runs the one that was there before.
    Files,
}
