//! Who commits in a repository.

use anyhow::{Context, Result};
use gix::config::File;

use super::Repo;
use super::repo::settings;

impl Repo {
    /// Who commits here, as git's config says, from wherever it has it: the names and e-mails of `user`,
    /// `author` and `committer`, as the text of a file of git's config. Empty where nobody said.
    pub fn identity(&self) -> Result<String> {
        let wanted = r"^(user|author|committer)\.(name|email)$";
        let found = settings(&self.git(["config", "-z", "--get-regexp", wanted]))?;
        to_text(&found).context("cannot pass on the name and e-mail of the committer")
    }
}

/// Settings as git reads them back; the last of a name wins.
fn to_text(settings: &[(String, String)]) -> Result<String> {
    let mut file = File::default();
    for (key, value) in settings {
        file.set_raw_value(key, value.as_str())?;
    }
    Ok(file.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name_whatever_is_in_it() {
        let said = [
            ("user.name", "Old"),
            (
                "user.name",
                "Ada \"the\" \\ Lovelace\n[core]\n\tpager = touch x",
            ),
            ("user.email", " ; # "),
            ("author.name", ""),
        ];
        let text = to_text(&said.map(|(key, value)| (key.into(), value.into()))).unwrap();
        insta::assert_snapshot!(text, @r#"
        [user]
        	name = Ada \"the\" \\ Lovelace\n[core]\n\tpager = touch x
        	email = " ; # "
        [author]
        	name =
        "#);
        assert_eq!(to_text(&[]).unwrap(), "");
    }
}
