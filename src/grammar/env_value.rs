//! A value of `ENV` that was not written for a Dockerfile: in a profile, in a `layer.toml`.

use super::is_name;

/// Between double quotes, as an instruction takes it in a Dockerfile of this escape character. `$NAME`,
/// `${NAME}`, `${NAME:-word}` and `${NAME:+word}` with a plain word stay references; any other character
/// stands for itself, a dollar that names no variable too. A line break is left as it is.
pub(crate) fn env_value(value: &str, escape: char) -> String {
    let mut quoted = String::from('"');
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if let Some((inner, behind)) = reference(rest) {
            // In braces, as what follows could be taken for a part of the name.
            quoted.push_str(&format!("${{{inner}}}"));
            rest = behind;
            continue;
        }
        if c == escape || matches!(c, '"' | '$') {
            quoted.push(escape);
        }
        quoted.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    quoted.push('"');
    quoted
}

/// What stands in the braces of the reference that a text begins with, and the text behind it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix('$')?;
    let Some(braced) = after.strip_prefix('{') else {
        let other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let (name, behind) = after.split_at(after.find(other).unwrap_or(after.len()));
        return is_name(name).then_some((name, behind));
    };
    let (inner, behind) = braced.split_once('}')?;
    let word = |separator| inner.split_once(separator);
    let (name, word) = word(":-").or_else(|| word(":+")).unwrap_or((inner, ""));
    // Engines read more in a word, and not all the same.
    let plain = |c: char| !c.is_control() && !matches!(c, '$' | '{' | '\\' | '"' | '\'');
    (is_name(name) && word.chars().all(plain)).then_some((inner, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::BACKSLASH;

    #[test]
    fn references_stay_and_all_else_stands_for_itself() {
        for (value, quoted) in [
            ("/opt/v/bin:$PATH", r#""/opt/v/bin:${PATH}""#),
            ("${PATH}s and $PATHs", r#""${PATH}s and ${PATHs}""#),
            ("$A-$_b$é", r#""${A}-${_b}\$é""#),
            ("${A:-b c}${A:+}", r#""${A:-b c}${A:+}""#),
            ("5$ $5 $$ $(id) `id` $", r#""5\$ \$5 \$\$ \$(id) `id` \$""#),
            ("${} ${1} ${A", r#""\${} \${1} \${A""#),
            ("${A:-$B} ${A:?no}", r#""\${A:-${B}} \${A:?no}""#),
            (r#"a "b" \c 'd'"#, r#""a \"b\" \\c 'd'""#),
            (r"\$A", r#""\\${A}""#),
        ] {
            assert_eq!(env_value(value, BACKSLASH), quoted, "{value}");
        }
        assert_eq!(env_value(r#"`a\ "$ $A"#, '`'), r#""``a\ `"`$ ${A}""#);
    }
}
