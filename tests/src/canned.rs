//! Something that answers in the place of STS, with whatever a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use jiff::{SignedDuration, Timestamp};

/// An answer of STS to AssumeRoleWithSAML or AssumeRole, part by part. Texts are XML.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `AccessKeyId`.
    pub id: String,
    /// `SecretAccessKey`.
    pub secret: String,
    /// `SessionToken`.
    pub token: String,
    /// `Expiration`; an hour from now where there is none.
    pub expiration: Option<Timestamp>,
    /// `AssumedRoleUser/Arn`.
    pub principal: String,
    /// `AssumedRoleUser/AssumedRoleId`.
    pub role_id: String,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The `Date` header.
    pub date: Option<String>,
    /// An element to leave out.
    pub without: Option<String>,
}

impl Answer {
    /// What AWS would answer to the demo's Ada, who takes the role `ReadOnly`.
    pub fn good() -> Self {
        Self {
            id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: "IQoJb3JpZ2luX2VjEXAMPLE+/=_-".to_owned(),
            expiration: None,
            principal: "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com".to_owned(),
            role_id: "AROAIOSFODNN7EXAMPLE:ada@example.com".to_owned(),
            source_identity: None,
            date: None,
            without: None,
        }
    }

    /// The body.
    pub fn xml(&self, action: &str) -> String {
        let element = |name: &str, text: &str| {
            let is_left_out = self.without.as_deref() == Some(name);
            if is_left_out { String::new() } else { format!("<{name}>{text}</{name}>") }
        };
        let expiration = self.expiration.unwrap_or_else(|| Timestamp::now() + SignedDuration::from_hours(1));
        let keys = [
            element("AccessKeyId", &self.id),
            element("SecretAccessKey", &self.secret),
            element("SessionToken", &self.token),
            element("Expiration", &expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ];
        let user = [element("Arn", &self.principal), element("AssumedRoleId", &self.role_id)];
        let identity = self.source_identity.as_deref().map(|text| element("SourceIdentity", text)).unwrap_or_default();
        let parts = [element("Credentials", &keys.concat()), element("AssumedRoleUser", &user.concat()), identity];
        format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{}</{action}Result></{action}Response>",
            parts.concat()
        )
    }
}

/// Serves what `body` returns to every request, at the address that is returned, for as long as the tests run.
pub fn serve(body: impl Fn() -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = respond(&stream, &body());
        }
    });
    format!("http://{address}")
}

fn respond(mut stream: &TcpStream, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
