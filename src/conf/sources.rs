//! What is stronger than `.dkr.conf`: flags, the environment, git's config.

use std::collections::BTreeMap;

use super::keys::{self, camel};
use super::value::ValueOrigin;

/// The settings outside of `.dkr.conf`, by the name of the setting (`base_image`).
#[derive(Debug, Clone, Default)]
pub struct Sources {
    flags: BTreeMap<&'static str, (String, &'static str)>,
    /// Those that make settings of a container: no image keeps them.
    container_flags: BTreeMap<&'static str, (String, &'static str)>,
    env: BTreeMap<String, String>,
    git: BTreeMap<String, String>,
}

impl Sources {
    /// From the variables of the environment and the `dkr.*` entries of git's config, whose keys
    /// git gives in lower case.
    pub fn new(
        env: impl IntoIterator<Item = (String, String)>,
        git: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            flags: BTreeMap::new(),
            container_flags: BTreeMap::new(),
            env: env.into_iter().collect(),
            git: git.into_iter().collect(),
        }
    }

    /// The same under a flag of the command line, which is stronger than all else.
    #[must_use]
    pub fn with_flag(mut self, name: &'static str, value: String, flag: &'static str) -> Self {
        self.flags.insert(name, (value, flag));
        self
    }

    /// The same under a flag that makes a setting of containers.
    #[must_use]
    pub fn with_container_flag(
        mut self,
        name: &'static str,
        value: String,
        flag: &'static str,
    ) -> Self {
        self.container_flags.insert(name, (value, flag));
        self
    }

    /// The same under flags that were typed when an image was made; present ones are stronger.
    #[must_use]
    pub fn asked(mut self, flags: &BTreeMap<String, String>) -> Self {
        for (name, value) in flags {
            let mut names = keys::of_images().chain(["objects"]);
            if let Some(name) = names.find(|key| key == name) {
                let flag = (value.clone(), "the command that made the image");
                self.flags.entry(name).or_insert(flag);
            }
        }
        self
    }

    /// What was typed on the command line of what makes an image, by the name of the setting.
    pub fn flags(&self) -> BTreeMap<String, String> {
        let flag = |(name, (value, _)): (&&str, &(String, _))| ((*name).to_owned(), value.clone());
        self.flags.iter().map(flag).collect()
    }

    /// The strongest word outside of `.dkr.conf` on the setting of this name.
    pub fn get(&self, name: &str) -> Option<(&str, ValueOrigin)> {
        self.all(name).pop()
    }

    /// All that is said there, the weakest first.
    pub fn all(&self, name: &str) -> Vec<(&str, ValueOrigin)> {
        let variable = format!("DKR_{}", name.to_uppercase());
        let git = self.git.get(&format!("dkr.{}", name.replace('_', "")));
        let env = self.env.get(&variable).filter(|value| !value.is_empty());
        let flags = [&self.flags, &self.container_flags];
        let flags = flags.into_iter().filter_map(|flags| flags.get(name));
        let origin = || ValueOrigin::GitConfig(format!("dkr.{}", camel(name)));
        let git = git.map(|value| (value.as_str(), origin()));
        let env = env.map(|value| (value.as_str(), ValueOrigin::Env(variable)));
        let flags = flags.map(|(value, flag)| (value.as_str(), ValueOrigin::Flag(flag)));
        git.into_iter().chain(env).chain(flags).collect()
    }
}
