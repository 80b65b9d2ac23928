//! TLS for connections to the server.

use std::sync::Arc;

use clouddrive_domain::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::target::{SslMode, Target, TrustedRoots};

/// The TLS connector for `target`.
pub(crate) fn connector(target: &Target) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match target.security {
        SslMode::Disable | SslMode::Prefer | SslMode::Require => {
            Arc::new(IgnoreHostname { roots: None, provider: provider.clone() })
        }
        SslMode::VerifyCa => {
            Arc::new(IgnoreHostname { roots: Some(verifier(target, provider.clone())?), provider: provider.clone() })
        }
        SslMode::VerifyFull => verifier(target, provider.clone())?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("database", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(target: &Target, provider: Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let roots = match &target.roots {
        None | Some(TrustedRoots::System) => system_roots(),
        Some(TrustedRoots::File(path)) => {
            let unreadable = |error| Error::internal("database", format!("{}: {error}", path.display()));
            let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
            found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?
        }
    };
    let mut store = RootCertStore::empty();
    let (trusted, _) = store.add_parsable_certificates(roots);
    if trusted == 0 {
        return Err(Error::internal("database", "there is no root certificate to verify that of the server"));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
    verifier.map_err(|error| Error::internal("database", error))
}

fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Accepts certificates for any name: signed by a root, or, without roots, any at all, which only protects against
/// passive eavesdropping.
#[derive(Debug)]
struct IgnoreHostname {
    roots: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for IgnoreHostname {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is checked last: if it does not match, all else has been verified.
        match roots.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
