//! One connection to the embedded server: who may come in, and what may be asked for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use russh::keys::PublicKey;
use russh::server::{self, Auth, Handler, Msg, PublicKeyOffer, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use tokio::io::{AsyncRead, AsyncWrite};

use super::login::PendingLogin;
use super::policy::{ConnectionPolicy, Proof};
use super::{ALIAS, request, session};

/// A connection and the channels that have not yet said what they want.
pub(super) struct SshConnection {
    policy: ConnectionPolicy,
    waiting: HashMap<ChannelId, Channel<Msg>>,
    git_protocol: Option<String>,
    /// Until it has logged in; none where nobody else can connect.
    guest: Option<PendingLogin>,
}

impl SshConnection {
    fn new(policy: ConnectionPolicy, guest: Option<PendingLogin>) -> Self {
        Self {
            policy,
            guest,
            waiting: HashMap::new(),
            git_protocol: None,
        }
    }

    fn judge(&self, key: &PublicKey) -> Auth {
        match &self.policy.proof {
            Proof::Key(own) if key.key_data() == own.key_data() => Auth::Accept,
            Proof::Key(_) | Proof::Tunnel(_) => Auth::reject(),
        }
    }
}

/// Whatever is not answered here (shells, terminals, subsystems, forwarding of every other kind) is
/// refused by russh or below.
impl Handler for SshConnection {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> std::result::Result<Auth, russh::Error> {
        Ok(match self.policy.proof {
            Proof::Tunnel(_) => Auth::Accept,
            Proof::Key(_) => Auth::reject(),
        })
    }

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> std::result::Result<Auth, russh::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> std::result::Result<Auth, russh::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn auth_succeeded(
        &mut self,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.guest = None;
        if let Proof::Tunnel(status) = &self.policy.proof {
            status.set_connected();
        }
        Ok(())
    }

    /// A client that came before the tunnel was open asks through it for a connection of its own
    /// (`templates/connect`), and others for a service.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        _port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: server::ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        let policy = &self.policy;
        if !matches!(policy.proof, Proof::Tunnel(_)) {
            return Ok(());
        }
        if host == ALIAS {
            reply.accept().await;
            tokio::spawn(serve(channel.into_stream(), policy.clone(), None));
        } else if let Some(service) = policy.serve.services.get(host) {
            reply.accept().await;
            tokio::spawn(service(channel.into_stream()));
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: server::ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.waiting.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        if name == "GIT_PROTOCOL" && request::is_git_protocol(value) {
            self.git_protocol = Some(value.to_owned());
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        let Some(channel) = self.waiting.remove(&id) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let decision = request::decide(command, &self.policy.serve);
        let (policy, protocol) = (self.policy.clone(), self.git_protocol.clone());
        tokio::spawn(session::answer(decision, policy, protocol, channel));
        Ok(())
    }
}

/// Speaks ssh over a stream, until its end. A client that does not, or hangs up, is its own affair.
pub(super) fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    policy: ConnectionPolicy,
    guest: Option<PendingLogin>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let config = Arc::clone(&policy.config);
    let connection = SshConnection::new(policy, guest);
    // Boxed, as one such stream may hold another.
    Box::pin(async move {
        if let Ok(running) = server::run_stream(config, stream, connection).await {
            let _ = running.await;
        }
    })
}
