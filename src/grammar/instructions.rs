//! Where one instruction ends and the next begins: continuation lines, comments inside them, and
//! here-documents.
//!
//! The crate `parse-dockerfile` is not used: it finds a here-document only where a `RUN` begins with it,
//! stops at the first instruction that it does not know, as FETCH is, and needs a `FROM`, which sections of
//! `.dkr.conf` do not have.

use super::directives::escape;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Its first line, counted from 0 in the text.
    pub line: usize,
    /// Its name in upper case; empty for comments at the end.
    pub keyword: String,
    /// Comments and blank lines before it.
    pub lead: String,
    /// All of its lines, each with its newline, from its name on.
    pub body: String,
    /// Its one logical line, in pieces: continuations and the comments inside them taken out.
    /// Each piece with the byte of the body at which it stands.
    pub logical: Vec<(usize, String)>,
    /// The here-documents that it ends with.
    pub heredocs: Vec<Heredoc>,
    /// What it waits for when the text ends too early.
    pub unfinished: Option<String>,
}

/// A text behind an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The line that ends it.
    pub end: String,
    /// Whether tabs before its lines do not count (`<<-`).
    pub chomp: bool,
    /// Its lines as they stand, without the one that ends it.
    pub text: String,
}

/// Splits a text, by the escape character that a directive at its top sets. Joining all `lead`s and
/// `body`s gives it back.
pub fn split(text: &str) -> Vec<Instruction> {
    let escape = escape(text);
    let mut found = Vec::new();
    let mut lines = text.split_inclusive('\n').enumerate();
    let mut lead = String::new();
    while let Some((line, raw)) = lines.next() {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            lead.push_str(raw);
            continue;
        }
        let keyword: String = trimmed
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != escape)
            .flat_map(char::to_uppercase)
            .collect();
        let start = raw.trim_start();
        lead.push_str(&raw[..raw.len() - start.len()]);
        let mut instruction = Instruction {
            line,
            keyword,
            lead: std::mem::take(&mut lead),
            ..Instruction::default()
        };
        let mut next = Some(start);
        while let Some(raw) = next {
            if !instruction.takes(raw, escape) {
                break;
            }
            next = lines.next().map(|(_, next)| next);
            if next.is_none() {
                let name = if escape == '`' {
                    "backtick"
                } else {
                    "backslash"
                };
                instruction.unfinished = Some(format!("ends in a {name}"));
            }
        }
        instruction.take_heredocs(&mut lines.by_ref().map(|(_, line)| line));
        found.push(instruction);
    }
    if !lead.is_empty() {
        found.push(Instruction {
            line: text.lines().count(),
            lead,
            ..Instruction::default()
        });
    }
    found
}

impl Instruction {
    /// Adds a line and says whether another follows. A comment or a blank line does not end a
    /// continued instruction.
    fn takes(&mut self, raw: &str, escape: char) -> bool {
        let at = self.body.len();
        self.body.push_str(raw);
        let line = raw.trim_end();
        let skipped = line.trim_start().is_empty() || line.trim_start().starts_with('#');
        if skipped && at > 0 {
            return true;
        }
        let (piece, continued) = match line.strip_suffix(escape) {
            Some(piece) => (piece, true),
            None => (line, false),
        };
        self.logical.push((at, piece.to_owned()));
        continued
    }

    fn take_heredocs<'a>(&mut self, lines: &mut impl Iterator<Item = &'a str>) {
        if !matches!(self.keyword.as_str(), "RUN" | "COPY" | "ADD") {
            return;
        }
        for (end, chomp) in heredocs(&self.logical_line()) {
            let mut text = String::new();
            let ended = lines.any(|line| {
                self.body.push_str(line);
                let bare = line.trim_end_matches(['\n', '\r']);
                let bare = if chomp {
                    bare.trim_start_matches('\t')
                } else {
                    bare
                };
                let ends = bare == end;
                if !ends {
                    text.push_str(line);
                }
                ends
            });
            if !ended {
                self.unfinished = Some(format!("has no line `{end}` that ends its text"));
            }
            self.heredocs.push(Heredoc { end, chomp, text });
        }
    }

    /// Its one logical line, from its name on.
    pub fn logical_line(&self) -> String {
        self.logical
            .iter()
            .map(|(_, piece)| piece.as_str())
            .collect()
    }

    /// The byte of the body at which this byte of the logical line stands.
    pub fn place(&self, mut byte: usize) -> usize {
        for (at, piece) in &self.logical {
            if byte < piece.len() {
                return at + byte;
            }
            byte -= piece.len();
        }
        let end = self.logical.last();
        end.map_or(0, |(at, piece)| at + piece.len())
    }
}

/// The same text with an option (ending in a space) put into each RUN.
pub fn with_run_option(text: &str, option: &str) -> String {
    split(text)
        .into_iter()
        .map(|instruction| {
            let rest = instruction.body.get(instruction.keyword.len()..);
            match (instruction.keyword.as_str(), rest) {
                ("RUN", Some(rest)) => {
                    let rest = rest.trim_start_matches([' ', '\t']);
                    format!("{}RUN {option}{rest}", instruction.lead)
                }
                _ => instruction.lead + &instruction.body,
            }
        })
        .collect()
}

/// The here-documents that a logical line announces: the line that ends each, and whether tabs
/// before it do not count. Only a word of its own that stands outside of quotes is one.
fn heredocs(line: &str) -> Vec<(String, bool)> {
    raw_words(line).into_iter().filter_map(heredoc).collect()
}

/// `<<EOF`, `<<-EOF`, `3<<"EOF"`.
fn heredoc(word: &str) -> Option<(String, bool)> {
    let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = word.strip_prefix("<<")?;
    let (rest, chomp) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let end = rest.replace(['\'', '"'], "");
    (!end.is_empty() && !rest.contains('<')).then_some((end, chomp))
}

/// The words of a line as they stand, quotes and all: white space ends one outside of quotes.
fn raw_words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (at, c) in line.char_indices() {
        if quote.is_none() && !escaped && c.is_whitespace() {
            words.extend(start.take().and_then(|start| line.get(start..at)));
            continue;
        }
        start = start.or(Some(at));
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != Some('\'') {
            escaped = true;
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
    }
    words.extend(start.and_then(|start| line.get(start..)));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_end_where_a_dockerfile_ends_them() {
        let text = concat!(
            "# lead\n",
            "RUN one \\\n",
            "# inside\n",
            "\n",
            "  two\n",
            "run <<EOF cat\n",
            "FROM no\n",
            "EOF\n",
            "ENV A=<<B\n",
            "# tail\n",
        );
        let found = split(text);
        let seen: Vec<_> = found.iter().map(|i| (i.line, i.keyword.clone())).collect();
        let expected = [(1, "RUN"), (5, "RUN"), (8, "ENV"), (10, "")];
        assert_eq!(seen, expected.map(|(line, name)| (line, name.to_owned())));
        assert_eq!(found[0].logical_line(), "RUN one   two");
        assert_eq!(&found[0].body[found[0].place(10)..], "two\n");
        let whole: String = found.into_iter().map(|i| i.lead + &i.body).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn here_documents_are_words_outside_of_quotes() {
        let ends = |line: &str| {
            let found = heredocs(line).into_iter();
            found.map(|(end, _)| end).collect::<Vec<_>>()
        };
        assert_eq!(ends("RUN cat <<A 3<<-'B' <<\"C\""), ["A", "B", "C"]);
        for none in [
            "RUN echo \"a <<EOF\"",
            "RUN echo 'a <<EOF'",
            "RUN x=$((1<<EOF))",
            "RUN cat <<<word",
            "RUN cat << EOF",
            "RUN cat \\ <<",
        ] {
            assert_eq!(ends(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn a_here_document_ends_at_its_own_line() {
        let one = |text: &str| split(text).remove(0);
        let plain = one("RUN <<E\n\tE\nE\n");
        assert_eq!(plain.heredocs[0].text, "\tE\n");
        let chomped = one("RUN <<-E\n\ta\n\tE\n");
        assert_eq!(chomped.heredocs[0].text, "\ta\n");
        assert!(chomped.unfinished.is_none());
        let open = one("RUN <<E\na\n");
        assert_eq!(
            open.unfinished.as_deref(),
            Some("has no line `E` that ends its text")
        );
        assert!(one("RUN a \\\n").unfinished.is_some());
    }

    #[test]
    fn the_escape_directive_says_what_continues_a_line() {
        let text = "# escape=`\nRUN a `\n# inside\n  b\nRUN dir c:\\\nUSER u\n";
        let found = split(text);
        let lines: Vec<_> = found.iter().map(Instruction::logical_line).collect();
        assert_eq!(lines, ["RUN a   b", "RUN dir c:\\", "USER u"]);
        let with_option = with_run_option(text, "--x ");
        assert_eq!(with_option, text.replace("RUN ", "RUN --x "));
        let open = split("# escape=`\nRUN a `\n").remove(0);
        assert_eq!(open.unfinished.as_deref(), Some("ends in a backtick"));
    }

    proptest::proptest! {
        #[test]
        fn splitting_loses_nothing(text in "(?s)(# escape=`\n)?(RUN|`|#|\\\\|<<E|E|\n| |\\[|\\]|=|'|\"|é){0,40}") {
            let joined: String = split(&text).into_iter().map(|i| i.lead + &i.body).collect();
            proptest::prop_assert_eq!(joined, text);
        }
    }
}
