//! Serves the services on loopback, over HTTP or TLS.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::network::Network;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The names that the certificate is always valid for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The scheme of the addresses that the sandbox is reached at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The TLS settings of a sandbox: a certificate, and the CA that issued it.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    ca_pem: String,
}

impl Tls {
    /// Generates a CA, and a certificate for this machine and these names. Both are valid for this process only: the CA's key is dropped.
    pub(crate) fn generate(further_names: &[String]) -> io::Result<Self> {
        let year = i32::from(jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).year());
        let (from, to) = (rcgen::date_time_ymd(year - 1, 1, 1), rcgen::date_time_ymd(year + 1, 12, 31));
        let failed = |error: rcgen::Error| io::Error::other(format!("cannot generate a TLS certificate: {error}"));
        let mut ca = CertificateParams::default();
        (ca.not_before, ca.not_after) = (from, to);
        ca.distinguished_name = name("tempaccess sandbox CA - trust it in tests only");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(failed)?).map_err(failed)?;
        let names: Vec<_> = NAMES.map(str::to_owned).into_iter().chain(further_names.iter().cloned()).collect();
        let mut server = CertificateParams::new(names).map_err(failed)?;
        (server.not_before, server.not_after) = (from, to);
        server.distinguished_name = name("localhost");
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = server.signed_by(&key, &ca).map_err(failed)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
            .map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: ca.pem() })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    pub(crate) fn into_ca_pem(self) -> String {
        self.ca_pem
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Opens a port on loopback; 0 is a free one.
pub(crate) fn listen(port: u16) -> io::Result<(SocketAddr, std::net::TcpListener)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

/// Serves `router` until the runtime ends, over TLS if there is an acceptor.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    network: Network,
) -> io::Result<()> {
    let listener = network.delayed(TcpListener::from_std(listener)?).await?;
    match acceptor {
        None => axum::serve(listener.tap_io(move |stream| network.opened(stream)), router).await,
        Some(acceptor) => {
            let listener = TlsListener::start(listener, acceptor)?;
            axum::serve(listener.tap_io(move |stream| network.opened(stream.get_ref().0)), router).await
        }
    }
}

/// A listener whose connections have finished the TLS handshake. Handshakes run in tasks of their own, so that a client
/// that stops in the middle does not block the others.
struct TlsListener {
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    fn start(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let Ok((stream, peer)) = listener.accept().await else {
                    // Out of file descriptors, for example.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = handshake {
                        let _ = sender.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { connections, address })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // The task that accepts connections ends with the runtime only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
