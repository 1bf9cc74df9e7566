//! Whom we trust when we speak TLS ourselves: those whom the machine trusts, as `net` does.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::host::HostName;

/// How TLS is begun, by whom we trust.
#[derive(Clone)]
pub(crate) struct TlsTrust(TlsConnector);

impl TlsTrust {
    /// Whom the machine trusts (`SSL_CERT_FILE`, where it is set), and these certificates in PEM.
    pub(crate) fn new(extra: Option<&[u8]>) -> Result<Self> {
        let extra = extra.unwrap_or_default();
        let certificates: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(extra).collect();
        let certificates = certificates.context("cannot read the extra CA certificates")?;
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(certificates, Arc::clone(&provider))
            .context("cannot read the certificates that this machine trusts")?;
        Self::verified_by(Arc::new(verifier), provider)
    }

    /// An authority alone, whomever the machine trusts.
    #[cfg(test)]
    pub(super) fn trusting(authority: CertificateDer<'static>) -> Self {
        use tokio_rustls::rustls::RootCertStore;
        use tokio_rustls::rustls::client::WebPkiServerVerifier;
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
        Self::verified_by(verifier.build().unwrap(), provider).unwrap()
    }

    fn verified_by(
        verifier: Arc<dyn ServerCertVerifier>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self> {
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("cannot set up TLS")?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config).into()))
    }

    /// Begins TLS with a host.
    pub(super) async fn begin<S>(&self, stream: S, host: &HostName) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            HostName::Dns(name) => {
                ServerName::try_from(name.clone()).map_err(|error| error.to_string())?
            }
            HostName::Ip(address) => ServerName::from(*address),
        };
        let begun = self.0.connect(name, stream).await;
        begun.map_err(|error| format!("cannot trust {host}: {error}"))
    }
}

impl std::fmt::Debug for TlsTrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTrust")
    }
}
