//! The endpoint of a session, which serves credentials to other programs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempaccess_core::TempAccess;
use tempaccess_core::endpoint::CredentialsEndpoint;
use tempaccess_core::store::MemoryStore;
use tempaccess_sandbox::{Sandbox, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::session::access;

/// The endpoint of some access, and what a program asks it.
struct Served {
    host: String,
    request: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(access: TempAccess) -> Self {
        let endpoint = CredentialsEndpoint::bind(access, 0).await.unwrap();
        let [(_, url), (_, token)] = endpoint.environment();
        let serving = tokio::spawn(endpoint.serve());
        let host = url.expose().trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let request = format!(
            "GET /credentials HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
            token.expose()
        );
        Self { host, request, serving }
    }

    async fn connect(&self) -> tokio::net::TcpStream {
        tokio::net::TcpStream::connect(&self.host).await.unwrap()
    }

    async fn ask(&self) -> tokio::net::TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(self.request.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(&self) -> String {
        let mut answer = String::new();
        self.ask().await.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn has_keys(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200") && answer.contains("AccessKeyId")
}

#[tokio::test]
async fn a_sign_in_goes_on_when_its_caller_gives_up() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let (builder, count) = access(&sandbox, None);
    let served = Served::start(builder.store(Arc::new(MemoryStore::new())).build()).await;
    // The source takes 50 ms, and this one not so long.
    let gives_up = served.ask().await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    drop(gives_up);
    let answer = served.answer().await;
    assert!(has_keys(&answer), "{answer}");
    assert_eq!(count.load(Ordering::Relaxed), 1);
    served.serving.abort();
}

/// Both ends of every connection are in this process.
#[cfg(unix)]
fn allow_open_files(wanted: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.map_or(Some(wanted), |maximum| Some(maximum.min(wanted)));
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_programs_at_once_are_answered_while_others_are_slow() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let (builder, count) = access(&sandbox, None);
    let served = Arc::new(Served::start(builder.store(Arc::new(MemoryStore::new())).build()).await);
    allow_open_files(8192);
    // They have sent a part of a request, and no more.
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut stream = served.connect().await;
        stream.write_all(b"GET /credentials HTTP/1.1\r\nHo").await.unwrap();
        slow.push(stream);
    }
    let ask = |served: Arc<Served>| async move { served.answer().await };
    let tasks: Vec<_> = (0..500).map(|_| tokio::spawn(ask(Arc::clone(&served)))).collect();
    for task in tasks {
        let answer = task.await.unwrap();
        assert!(has_keys(&answer), "{answer}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // More connections than are served at once: a request waits until slow ones have been closed.
    for _ in 0..600 {
        slow.push(served.connect().await);
    }
    assert!(has_keys(&served.answer().await));
    served.serving.abort();
}
