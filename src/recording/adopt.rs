//! What was recorded in a container, taken into `[post_clone]` of `.dkr.conf`. Pure functions.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use similar::TextDiff;

use crate::conf::{Conf, FILE, Sources};
use crate::error::Failure;
use crate::grammar::{other_escape, split};

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// `.dkr.conf` as it is then.
    pub text: String,
    /// How many instructions came in.
    pub count: usize,
    /// What was left out, a line each.
    pub remarks: Vec<String>,
}

/// Adds the RUN instructions of a Containerfile that `[post_clone]` does not have to it, behind
/// its own. Everything else in `conf` stays as it is, byte for byte. Fails where `conf` is not
/// right, where an instruction has no end, or where one cannot stand in `conf`.
pub fn adopt(conf: &str, containerfile: &str) -> Result<Adopted> {
    if let Some(directive) = other_escape(containerfile) {
        let line = directive.line + 1;
        bail!(
            Failure::new(format!(
                "the directive `escape` in line {line} has no effect in {FILE}"
            ))
            .hint("continue lines with a backslash and take the directive out, then adopt again")
        );
    }
    let section = Conf::read(Some(conf), &Sources::default())?.post_clone;
    let own = split(&section.text);
    let mut old: Vec<String> = own.iter().map(|one| plain(&one.body)).collect();
    let (mut seen, mut last) = (old.clone(), None);
    let mut added = String::new();
    let mut count = 0;
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for found in split(containerfile) {
        if let Some(reason) = &found.unfinished {
            let line = found.line + 1;
            bail!(
                Failure::new(format!("the {} in line {line} {reason}", found.keyword))
                    .hint("complete it, then adopt again")
            );
        }
        let body = plain(&found.body);
        if found.keyword == "RUN" {
            // At once again, it does nothing more.
            if last.replace(body.clone()).as_ref() == Some(&body) {
                continue;
            }
            // As often as it is there it stays out: an install that was undone is done again.
            if let Some(there) = old.iter().position(|known| *known == body) {
                old.swap_remove(there);
                continue;
            }
            if body
                .chars()
                .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
            {
                bail!(
                    Failure::new(format!(
                        "the RUN in line {} holds control characters",
                        found.line + 1
                    ))
                    .hint(
                        "a terminal would not show what it does: take them out, then adopt again"
                    )
                );
            }
            added.push_str(&body);
            count += 1;
            seen.push(body);
        } else if found.keyword != "RUN" && !found.keyword.is_empty() {
            *left_out.entry(found.keyword).or_default() += 1;
        }
    }
    let text = insert(conf, section.first_line, &section.text, &added);
    let written = Conf::read(Some(&text), &Sources::default())
        .map(|new| split(&new.post_clone.text))
        .unwrap_or_default();
    let bodies: Vec<String> = written.iter().map(|one| plain(&one.body)).collect();
    if seen.iter().any(|body| !bodies.contains(body)) {
        bail!(
            Failure::new(format!("a RUN has a line that means something else in {FILE}"))
                .hint("a line of its own such as [name] would begin a section there; write it in another way")
        );
    }
    let remark = |(keyword, count): (String, usize)| match count {
        1 => format!("its {keyword} is left out; only RUN is taken"),
        _ => format!("its {count} {keyword} are left out; only RUN is taken"),
    };
    Ok(Adopted {
        text,
        count,
        remarks: left_out.into_iter().map(remark).collect(),
    })
}

/// An instruction with line breaks of one kind, and one at its end.
fn plain(body: &str) -> String {
    let mut text = body.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
    text.push('\n');
    text
}

/// Puts lines behind the last instruction of the section whose lines, `section`, begin in line
/// `first` of the text, counted from 1; there is no section when that is 0.
fn insert(conf: &str, first: usize, section: &str, added: &str) -> String {
    if added.is_empty() {
        return conf.to_owned();
    }
    let end = if conf.contains("\r\n") { "\r\n" } else { "\n" };
    let (before, after, head) = if first == 0 {
        let gap = if conf.is_empty() { "" } else { "\n" };
        (conf, "", format!("{gap}[post_clone]\n"))
    } else {
        let mut kept: String = split(section)
            .iter()
            .filter(|one| !one.keyword.is_empty())
            .map(|one| format!("{}{}", one.lead, one.body))
            .collect();
        if kept.is_empty() {
            // The comment that says what the section is for.
            let comment = section.lines().take_while(|line| !line.trim().is_empty());
            kept = comment.map(|line| format!("{line}\n")).collect();
        }
        let lines = first - 1 + kept.matches('\n').count();
        let at = conf.split_inclusive('\n').take(lines).map(str::len).sum();
        let (before, after) = conf.split_at(at);
        (before, after, String::new())
    };
    let gap = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        end
    };
    let added = format!("{head}{added}").replace('\n', end);
    format!("{before}{gap}{added}{after}")
}

/// The change as `diff -u` shows it; `None` is a file that is not there yet.
pub fn diff(old: Option<&str>, new: &str) -> String {
    let before = match old {
        Some(_) => format!("a/{FILE}"),
        None => "/dev/null".to_owned(),
    };
    TextDiff::from_lines(old.unwrap_or_default(), new)
        .unified_diff()
        .header(&before, &format!("b/{FILE}"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn adopted(conf: &str, containerfile: &str) -> String {
        adopt(conf, containerfile).unwrap().text
    }

    #[test]
    fn a_section_is_made() {
        assert_eq!(adopted("", "RUN a\n"), "[post_clone]\nRUN a\n");
        assert_eq!(
            adopted("packages = x", "RUN a"),
            "packages = x\n\n[post_clone]\nRUN a\n"
        );
        assert_eq!(
            adopted("[pre_clone]\r\nRUN b\r\n", "RUN a\n"),
            "[pre_clone]\r\nRUN b\r\n\r\n[post_clone]\r\nRUN a\r\n"
        );
    }

    #[test]
    fn lines_go_behind_those_that_are_there() {
        let conf = "# x\n[post_clone]\n# why\nRUN a \\\n # in it\n && b\n\n# of the next\n[pre_clone]\nRUN c\n";
        assert_eq!(
            adopted(conf, "RUN c\n"),
            conf.replace("&& b\n", "&& b\nRUN c\n")
        );
        assert_eq!(
            adopted("[post_clone]\n# why\n\n[pre_clone]\n", "RUN c\n"),
            "[post_clone]\n# why\nRUN c\n\n[pre_clone]\n"
        );
        assert_eq!(
            adopted("[post_clone]\nRUN a", "RUN b\nRUN b\n"),
            "[post_clone]\nRUN a\nRUN b\n"
        );
        assert_eq!(adopted("[post_clone]", "RUN b"), "[post_clone]\nRUN b\n");
    }

    #[test]
    fn what_was_undone_in_between_is_done_again() {
        let recorded = "RUN in x\nRUN out x\nRUN in x\n";
        let conf = adopted("", recorded);
        assert_eq!(conf, format!("[post_clone]\n{recorded}"));
        assert_eq!(adopted(&conf, recorded), conf, "it is all there");
        let more = format!("{recorded}RUN out x\n");
        assert_eq!(adopted(&conf, &more), format!("{conf}RUN out x\n"));
        let hidden = "RUN a # \u{1b}[8m; b\n";
        assert!(adopt("", hidden).is_err(), "what a terminal does not show");
    }

    #[test]
    fn what_is_there_stays_out() {
        let conf = "[post_clone]\r\nRUN a \\\r\n  b\r\n";
        let found = adopt(conf, "# c\nRUN a \\\n  b\nENV x=1\nENV y=2\nWORKDIR /x\n").unwrap();
        assert_eq!((found.text.as_str(), found.count), (conf, 0));
        assert_eq!(
            found.remarks,
            [
                "its 2 ENV are left out; only RUN is taken",
                "its WORKDIR is left out; only RUN is taken"
            ]
        );
        let heredoc = "RUN cat <<E >x\nenv\nE\n";
        assert_eq!(adopt("", heredoc).unwrap().count, 1);
    }

    #[test]
    fn what_cannot_stand_there_is_refused() {
        let refused = |conf: &str, text: &str| format!("{:#}", adopt(conf, text).unwrap_err());
        assert_eq!(
            refused("", "RUN a \\\n"),
            "the RUN in line 1 ends in a backslash"
        );
        let escape = refused("", "# escape=`\nRUN a `\n b\n");
        assert!(escape.contains("`escape` in line 1"), "{escape}");
        let section = refused("", "RUN cat <<E >x\n[pre_clone]\nE\n");
        assert!(section.contains("means something else"), "{section}");
        assert!(refused("nonsense", "RUN a\n").contains("nonsense"));
    }

    #[test]
    fn a_diff_for_people() {
        let old = "packages = x\n[post_clone]\nRUN a\n";
        insta::assert_snapshot!(diff(Some(old), &adopted(old, "RUN b\n")), @r"
        --- a/.dkr.conf
        +++ b/.dkr.conf
        @@ -1,3 +1,4 @@
         packages = x
         [post_clone]
         RUN a
        +RUN b
        ");
        assert!(diff(None, "x\n").starts_with("--- /dev/null\n"));
    }

    proptest! {
        /// Whatever is in the two: what was there stays, in its order, and a second time nothing
        /// is new.
        #[test]
        fn nothing_is_lost(
            conf in prop::collection::vec(prop::sample::select(vec![
                "", "# c", "packages = a", "[pre_clone]", "[post_clone]", "RUN a", "RUN b \\", "  c", "RUN <<E", "E",
            ]), 0..12),
            text in prop::collection::vec(prop::sample::select(vec![
                "", "# c", "RUN a", "RUN b \\", "  c", "RUN <<E", "E", "[x]", "ENV a=1", "run d", "\\",
            ]), 0..12),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            last in any::<bool>(),
        ) {
            let mut conf = conf.join(end);
            if last { conf.push_str(end); }
            if let Ok(found) = adopt(&conf, &text.join("\n")) {
                let mut rest = found.text.lines();
                prop_assert!(conf.lines().all(|line| rest.any(|other| other == line)));
                let again = adopt(&found.text, &text.join("\n")).unwrap();
                prop_assert_eq!((again.count, &again.text), (0, &found.text));
            }
        }
    }
}
