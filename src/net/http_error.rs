//! An answer that says no.

use std::fmt;

use ureq::http::StatusCode;

/// An answer with a status that is no success, as an error: what was asked, the status, and what the
/// server says about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct HttpError {
    /// What was asked: `GET https://…`, without the query.
    pub asked: String,
    /// The status: 404.
    pub status: u16,
    /// The `message` of the answer, one line of at most 300 characters; empty when there is none.
    pub message: String,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = StatusCode::from_u16(self.status).ok();
        let reason = status.and_then(|status| status.canonical_reason());
        write!(f, "{} was answered {}", self.asked, self.status)?;
        if let Some(reason) = reason {
            write!(f, " {reason}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl HttpError {
    /// The refusal in an error, if it comes from one.
    pub fn find_in(error: &anyhow::Error) -> Option<&Self> {
        error.downcast_ref()
    }

    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..)
    }
}

/// The `message` of a JSON text, with the `code`s of its `errors`; fit for one line.
pub(super) fn message(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::new();
    };
    let text = |value: &serde_json::Value, name: &str| {
        let text = value.get(name).and_then(|text| text.as_str());
        text.map(str::to_owned)
    };
    let errors = json.get("errors").and_then(|errors| errors.as_array());
    let details = errors.into_iter().flatten().filter_map(|error| {
        let field = text(error, "field").map_or(String::new(), |field| format!("{field} "));
        text(error, "message").or_else(|| Some(field + &text(error, "code")?))
    });
    let parts: Vec<String> = text(&json, "message").into_iter().chain(details).collect();
    let line = parts.join(", ");
    line.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_all_in_a_line() {
        let body = br#"{"message":"Validation\u001b[31m Failed","errors":[{"field":"tag_name","code":"already_exists"},{"message":"x"}]}"#;
        let refusal = HttpError {
            asked: "POST https://h/r".into(),
            status: 422,
            message: message(body),
        };
        assert_eq!(
            refusal.to_string(),
            "POST https://h/r was answered 422 Unprocessable Entity: Validation [31m Failed, tag_name already_exists, x"
        );
        assert_eq!(message(b"<html>"), "");
        assert_eq!(message(b"[1]"), "");
        let long = format!(r#"{{"message":"{}"}}"#, "ü".repeat(1000));
        assert_eq!(message(long.as_bytes()).chars().count(), 300);
    }
}
