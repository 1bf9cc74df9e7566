//! Edge: HTTP. Downloads that resume, uploads that stream, tokens that go to one host only.
