//! Extra CA certificates, for networks whose https needs them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::error::Failure;
use crate::fs::write_private;

/// Where distributions keep all certificates in one file.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The build secret that holds them.
pub(crate) const SECRET: &str = "dkr_ca";
/// The option by which a RUN sees them.
pub(crate) const MOUNT: &str = "--mount=type=secret,id=dkr_ca,mode=0444 ";
/// Where it sees them.
pub(crate) const MOUNTED: &str = "/run/secrets/dkr_ca";

/// The variables by which programs find a bundle other than the system's.
pub(crate) const VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HTTP_CAINFO",
];

/// Reads the user's extra certificates.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    let shown = file.display();
    let bytes = match crate::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => bail!(
            Failure::new(format!("cannot read the CA bundle {shown}: {error}"))
                .hint("give a PEM file: --ca-bundle FILE or git config dkr.caBundle FILE")
        ),
    };
    if !String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") {
        bail!(
            Failure::new(format!("the CA bundle {shown} holds no PEM certificate"))
                .hint("convert it: openssl x509 -inform der -in FILE -out FILE.pem")
        );
    }
    Ok(bytes)
}

/// The extra certificates for the steps of a build: a secret's id and its file in this directory.
pub(crate) fn secret(bundle: &Path, directory: &Path) -> Result<(String, PathBuf)> {
    let file = directory.join(SECRET);
    write_private(&file, with_system(&read(bundle)?), 0o600)?;
    Ok((SECRET.to_owned(), file))
}

/// The extra certificates behind this machine's own, as most programs take one file instead of
/// the system's and not beside it.
pub(crate) fn with_system(extra: &[u8]) -> Vec<u8> {
    let system = SYSTEM_BUNDLES
        .iter()
        .map(PathBuf::from)
        .find_map(|path| crate::fs::read(path).ok())
        .unwrap_or_default();
    [&system, &b"\n"[..], extra].concat()
}
