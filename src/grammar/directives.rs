//! Parser directives: comments at the very top of a Dockerfile that say how to read it.

/// The escape character where no directive sets another.
pub(crate) const BACKSLASH: char = '\\';

/// `# name = value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    /// Its line, counted from 0.
    pub line: usize,
    /// The byte at which its line begins.
    pub at: usize,
    name: &'a str,
    /// What stands behind the `=`.
    pub value: &'a str,
}

impl Directive<'_> {
    /// Whether it has this name: case does not count.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The directives of a text. Any other line ends them.
pub(crate) fn directives(text: &str) -> impl Iterator<Item = Directive<'_>> {
    let mut at = 0;
    text.split_inclusive('\n')
        .enumerate()
        .map_while(move |(line, raw)| {
            let (name, value) = raw.trim().strip_prefix('#')?.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            at += raw.len();
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric());
            (is_name && !value.is_empty()).then_some(Directive {
                line,
                at: at - raw.len(),
                name,
                value,
            })
        })
}

/// The character that continues a line, and takes the meaning of the next one in a word: what
/// `# escape=` says, else the backslash.
pub(crate) fn escape(text: &str) -> char {
    match other_escape(text) {
        Some(directive) if directive.value == "`" => '`',
        _ => BACKSLASH,
    }
}

/// The directive that asks for another escape character than the backslash.
pub(crate) fn other_escape(text: &str) -> Option<Directive<'_>> {
    directives(text).find(|found| found.is("escape") && found.value != "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_stand_at_the_very_top() {
        for (text, expected) in [
            ("# escape=`\nFROM a\n", '`'),
            ("#  Escape = ` \r\nFROM a\n", '`'),
            (
                "# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\n",
                '`',
            ),
            ("# other=1\n# escape=`\n", '`'),
            ("# escape=\\\n", '\\'),
            ("\n# escape=`\n", '\\'),
            ("# a comment = one\n# escape=`\n", '\\'),
            ("FROM a\n# escape=`\n", '\\'),
            ("", '\\'),
        ] {
            assert_eq!(escape(text), expected, "{text}");
        }
        let found = directives("# a=1\n# escape=x\n").nth(1);
        assert_eq!(found.map(|found| (found.line, found.at)), Some((1, 6)));
    }
}
