//! The proxy and the gateway, with servers on the loopback interface that have public addresses here.

mod api;
mod hello;
mod plain;
mod support;
mod tunnel;
