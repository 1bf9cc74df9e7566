//! What the proxy answers by itself.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::ext::ReasonPhrase;

use super::log::LogEntry;
use super::policy::{EgressDenial, EgressPolicy};

/// The body of an answer, of our own or passed on.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, hyper::Error>;

/// A text of one or two sentences.
pub(super) fn text(status: StatusCode, sentences: String) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from(sentences + "\n"));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

/// Nothing, with success: the beginning of a tunnel.
pub(super) fn empty() -> Response<AnswerBody> {
    Response::new(
        Full::default()
            .map_err(|never| match never {})
            .boxed_unsync(),
    )
}

/// 403, with what would allow it. Clients that show nothing else of an answer to CONNECT show its
/// reason phrase.
pub(super) fn denied(
    method: &str,
    target: &str,
    denial: &EgressDenial,
    policy: &EgressPolicy,
) -> Response<AnswerBody> {
    let reason = &denial.reason;
    let mut sentences = format!("git dkr refused {method} {target}: {reason}.");
    let mut phrase = format!("Forbidden by git dkr: {reason}");
    if let (Some(word), Some((advice, setting))) = (&denial.word, policy.advice(denial)) {
        sentences += &format!("\n{advice}");
        phrase += &format!("; {setting} would need {word}");
    }
    let mut answer = text(StatusCode::FORBIDDEN, sentences);
    if let Ok(phrase) = ReasonPhrase::try_from(phrase.into_bytes()) {
        answer.extensions_mut().insert(phrase);
    }
    answer
}

/// A body that is passed on, and logged when it is done.
pub(super) struct LoggedBody {
    pub body: Incoming,
    pub entry: LogEntry,
}

impl Body for LoggedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Err(error))) = &polled {
            let why = error.to_string();
            self.entry.failed(&why);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
