//! The network between the sandbox and its clients: counts connections, and delays what they carry.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The largest part of a stream that is delayed as one.
const CHUNK_BYTES: usize = 16 << 10;
/// How many parts of a stream can be on their way.
const CHUNKS: usize = 1_024;

/// The connections of clients, and how long they take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    round_trip: Duration,
    connections: Arc<AtomicUsize>,
}

impl Network {
    pub(crate) fn new(round_trip: Duration) -> Self {
        Self { round_trip, ..Self::default() }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Notes a connection of a client. Answers are sent at once: waiting for more to send would add 40 ms to some.
    pub(crate) fn opened(&self, stream: &TcpStream) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_nodelay(true);
    }

    /// Returns the listener to serve: the given one, or one that a delayed copy of each of its connections leads to.
    pub(crate) async fn delayed(&self, listener: TcpListener) -> io::Result<TcpListener> {
        if self.round_trip.is_zero() {
            return Ok(listener);
        }
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, round_trip) = (inner.local_addr()?, self.round_trip);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, address, round_trip));
            }
        });
        Ok(inner)
    }
}

/// Connects a client to a server that is a round trip away.
async fn relay(client: TcpStream, server: SocketAddr, round_trip: Duration) {
    // The handshake of TCP, which loopback has done without a delay.
    tokio::time::sleep(round_trip).await;
    let Ok(server) = TcpStream::connect(server).await else { return };
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let one_way = round_trip / 2;
    tokio::join!(carry(from_client, to_server, one_way), carry(from_server, to_client, one_way));
}

/// Carries a stream to its other end, each part after the delay.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut parts) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    let receive = async move {
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let part = buffer.get(..length).unwrap_or_default().to_vec();
            if sender.send((Instant::now() + delay, part)).await.is_err() {
                return;
            }
        }
    };
    let send = async move {
        while let Some((at, part)) = parts.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&part).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(receive, send);
}
