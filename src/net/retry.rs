//! How long one waits, and what for.

use std::time::Duration;

use jiff::Timestamp;

/// The times of a client, all in proportion to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Before the second try; doubled before each further one.
    pub first: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
        }
    }
}

impl RetryPolicy {
    /// Tries in a row that may come to nothing.
    pub(super) const TRIES: u32 = 5;

    /// Before the try that follows `failed` ones: up to 8 seconds, and less by up to a half, so that
    /// machines that failed together do not come back together. `chance` is from 0 to 1.
    pub(super) fn before_next(self, failed: u32, chance: f64) -> Duration {
        let full = self.first * 2_u32.pow(failed.clamp(1, 5) - 1);
        full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// A connection on which nothing moves for so long is lost: a minute.
    pub(super) fn silence(self) -> Duration {
        self.first * 120
    }

    /// The longest time that a server may ask us to wait: a minute.
    pub(super) fn longest(self) -> Duration {
        self.first * 120
    }
}

/// What an answer says of the time of the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateLimit {
    /// When it may be asked again; `None` when it does not say.
    pub until: Option<Timestamp>,
    /// Whether it is for having asked too often.
    pub is_rate: bool,
}

/// Reads it out of an answer with this status that is no success. `header` gives headers by name.
pub(super) fn limit<'a>(
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    now: Timestamp,
) -> RateLimit {
    let after = header("retry-after").and_then(|text| retry_after(text, now));
    let spent = header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0");
    let reset = header("x-ratelimit-reset")
        .filter(|_| spent)
        .and_then(|text| text.trim().parse().ok())
        .and_then(|second| Timestamp::from_second(second).ok());
    RateLimit {
        until: after.or(reset),
        is_rate: status == 429 || (status == 403 && (spent || after.is_some())),
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<u32>() {
        Ok(seconds) => now.checked_add(Duration::from_secs(seconds.into())).ok(),
        Err(_) => jiff::fmt::rfc2822::parse(text)
            .ok()
            .map(|date| date.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_at_eight_seconds() {
        let patience = RetryPolicy::default();
        let full: Vec<u128> = (1..8)
            .map(|failed| patience.before_next(failed, 1.0).as_millis())
            .collect();
        assert_eq!(full, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(patience.before_next(2, 0.0).as_millis(), 500);
        assert_eq!(patience.silence().as_secs(), 60);
    }

    #[test]
    fn limits_are_read() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let read = |status, headers: &[(&str, &'static str)]| {
            let found = limit(
                status,
                |name| {
                    headers
                        .iter()
                        .find(|(key, _)| *key == name)
                        .map(|(_, value)| *value)
                },
                now,
            );
            (found.until.map(Timestamp::as_second), found.is_rate)
        };
        assert_eq!(read(404, &[]), (None, false));
        assert_eq!(read(429, &[]), (None, true));
        assert_eq!(
            read(403, &[("retry-after", "7")]),
            (Some(1_000_000_007), true)
        );
        assert_eq!(
            read(503, &[("retry-after", "7")]),
            (Some(1_000_000_007), false)
        );
        let date = [("retry-after", "Sun, 09 Sep 2001 01:46:50 GMT")];
        assert_eq!(read(503, &date), (Some(1_000_000_010), false));
        assert_eq!(read(503, &[("retry-after", "soon")]), (None, false));
        let spent = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1000000060"),
        ];
        assert_eq!(read(403, &spent), (Some(1_000_000_060), true));
        let left = [
            ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset", "1000000060"),
        ];
        assert_eq!(read(403, &left), (None, false));
        assert_eq!(
            read(
                403,
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "99999999999999999")
                ]
            ),
            (None, true)
        );
    }
}
