//! The sandbox's S3 answers as S3 does.

use http::Method;
use sha2::{Digest, Sha256};
use tempaccess_sandbox::{Fault, Sandbox, Service, World};
use tempaccess_tests::aws::{Answer, Call, Credentials, sign_in, signature};

const ROLE: &str = "arn:aws:iam::111122223333:role/ReadOnly";

/// A sandbox in which Alan may do everything with the bucket `ledger`.
async fn sandbox() -> (Sandbox, Credentials) {
    let mut world = World::demo();
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::ledger","arn:aws:s3:::ledger/*"]}}"#;
    let role = world.roles.iter_mut().find(|role| role.arn == ROLE).unwrap();
    role.policies.insert("Ledger".to_owned(), all.to_owned());
    let mut foreign = world.buckets[0].clone();
    (foreign.name, foreign.account) = ("foreign".to_owned(), "444455556666".to_owned());
    world.buckets.push(foreign);
    let sandbox = Sandbox::start(world).unwrap();
    let alan = sign_in(&sandbox, "alan@example.com", ROLE).await.credentials();
    (sandbox, alan)
}

struct Client<'a>(&'a Sandbox, &'a Credentials);

impl Client<'_> {
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        Call { service: "s3", method, path, query, headers }.send(self.0, self.1, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], &[], b"").await
    }

    async fn put(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.call(Method::PUT, path, &[], headers, body).await
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn objects_are_written_once_read_and_deleted() {
    let (sandbox, alan) = sandbox().await;
    let s3 = Client(&sandbox, &alan);
    let path = "/ledger/k7q3m5xw2p4a/0003%20a%2Bb.json";
    let once = [("if-none-match", "*"), ("content-type", "application/json")];
    let written = s3.put(path, &once, b"{}").await;
    assert_eq!(written.status, 200, "{}", written.text);
    assert_eq!(sandbox.buckets().object("ledger", "k7q3m5xw2p4a/0003 a+b.json").as_deref(), Some(&b"{}"[..]));
    let again = s3.put(path, &once, b"{1}").await;
    assert_eq!(again.outcome(), (412, "PreconditionFailed"));
    let read = s3.get(path).await;
    assert_eq!((read.status, &*read.text, header(&read, "content-type")), (200, "{}", "application/json"));
    let etag = header(&written, "etag").to_owned();
    assert_eq!(header(&read, "etag"), etag);
    assert_eq!(s3.put(path, &[("if-match", &etag)], b"{2}").await.status, 200);
    assert_eq!(s3.put(path, &[("if-match", &etag)], b"{3}").await.outcome(), (412, "PreconditionFailed"));
    let head = s3.call(Method::HEAD, path, &[], &[], b"").await;
    assert_eq!((head.status, header(&head, "content-length"), &*head.text), (200, "3", ""));
    for status in [204, 204] {
        assert_eq!(s3.call(Method::DELETE, path, &[], &[], b"").await.status, status);
    }
    assert_eq!(s3.get(path).await.outcome(), (404, "NoSuchKey"));
    let head = s3.call(Method::HEAD, path, &[], &[], b"").await;
    assert_eq!((head.status, &*head.text), (404, ""));
}

#[tokio::test]
async fn lists_have_prefixes_delimiters_and_pages() {
    let (sandbox, alan) = sandbox().await;
    let s3 = Client(&sandbox, &alan);
    let list = async |more: &[(&str, &str)]| {
        let answer = s3.call(Method::GET, "/ledger", &[&[("list-type", "2")], more].concat(), &[], b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    };
    let names = |answer: &Answer, element: &str| {
        let start = format!("<{element}>");
        let parts = answer.text.split(&start).skip(1);
        parts.filter_map(|rest| Some(rest.split_once("</")?.0.to_owned())).collect::<Vec<_>>()
    };
    let all = list(&[]).await;
    assert_eq!(names(&all, "Key"), ["2026/10.csv", "2026/11.csv", "README.txt"]);
    assert_eq!((all.get("KeyCount"), all.get("IsTruncated")), (Some("3"), Some("false")));
    let top = list(&[("delimiter", "/"), ("prefix", "")]).await;
    assert_eq!((names(&top, "Key"), top.get("KeyCount")), (vec!["README.txt".to_owned()], Some("2")));
    assert!(top.text.contains("<CommonPrefixes><Prefix>2026/</Prefix></CommonPrefixes>"), "{}", top.text);
    assert_eq!(names(&list(&[("prefix", "2026/1")]).await, "Key"), ["2026/10.csv", "2026/11.csv"]);
    assert_eq!(names(&list(&[("start-after", "2026/10.csv")]).await, "Key"), ["2026/11.csv", "README.txt"]);
    let first = list(&[("max-keys", "2")]).await;
    assert_eq!((names(&first, "Key").len(), first.get("IsTruncated")), (2, Some("true")));
    let rest = list(&[("continuation-token", first.get("NextContinuationToken").unwrap())]).await;
    assert_eq!(names(&rest, "Key"), ["README.txt"]);
}

#[tokio::test]
async fn refusals_are_those_of_s3() {
    let (sandbox, alan) = sandbox().await;
    let s3 = Client(&sandbox, &alan);
    let denied = s3.get("/vault/combination.txt").await;
    assert_eq!(denied.outcome(), (403, "AccessDenied"));
    assert!(denied.text.starts_with(r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>User: arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com is not authorized to perform: s3:GetObject on resource: &quot;arn:aws:s3:::vault/combination.txt&quot; because no identity-based policy allows the s3:GetObject action</Message>"#), "{}", denied.text);
    // Whether an object exists is not told without the right to list.
    assert_eq!(s3.get("/vault/nothing").await.outcome(), (403, "AccessDenied"));
    assert_eq!(s3.get("/nowhere/x").await.outcome(), (404, "NoSuchBucket"));
    assert_eq!(s3.get("/foreign/x").await.outcome(), (403, "AccessDenied"));
    assert_eq!(s3.get("/").await.outcome(), (403, "AccessDenied"));
    assert_eq!(s3.call(Method::POST, "/ledger", &[("uploads", "")], &[], b"").await.outcome(), (501, "NotImplemented"));
    let region = s3.call(Method::HEAD, "/ledger", &[], &[], b"").await;
    assert_eq!((region.status, header(&region, "x-amz-bucket-region")), (200, "us-east-1"));
    assert_eq!(s3.call(Method::GET, "/ledger", &[("location", "")], &[], b"").await.status, 200);
    for (changed, expected) in [
        (Credentials { secret: "0".repeat(40), ..alan.clone() }, (403, "SignatureDoesNotMatch")),
        (Credentials { access_key: "ASIA0000000000000000".to_owned(), ..alan.clone() }, (403, "InvalidAccessKeyId")),
    ] {
        assert_eq!(Client(&sandbox, &changed).get("/ledger/README.txt").await.outcome(), expected);
    }
    let other = [("x-amz-content-sha256", &*"0".repeat(64))];
    assert_eq!(s3.put("/ledger/x", &other, b"x").await.outcome(), (403, "SignatureDoesNotMatch"));
    sandbox.fail_next(Service::S3, Fault::Throttling);
    assert_eq!(s3.get("/ledger/README.txt").await.outcome(), (503, "SlowDown"));
    sandbox.clock().advance(jiff::SignedDuration::from_hours(2));
    assert_eq!(s3.get("/ledger/README.txt").await.outcome(), (400, "ExpiredToken"));
}

#[tokio::test]
async fn objects_are_read_in_part_and_deleted_together() {
    let (sandbox, alan) = sandbox().await;
    let s3 = Client(&sandbox, &alan);
    for (range, text, shown) in [
        ("bytes=0-2", "One", "bytes 0-2/18"),
        ("bytes=11-", "month.\n", "bytes 11-17/18"),
        ("bytes=-3", "h.\n", "bytes 15-17/18"),
        ("bytes=4-99", "file a month.\n", "bytes 4-17/18"),
    ] {
        let part = s3.call(Method::GET, "/ledger/README.txt", &[], &[("range", range)], b"").await;
        assert_eq!((part.status, &*part.text, header(&part, "content-range")), (206, text, shown));
    }
    for range in ["bytes=18-", "bytes=5-4", "lines=1-2"] {
        let part = s3.call(Method::GET, "/ledger/README.txt", &[], &[("range", range)], b"").await;
        assert_eq!(part.outcome(), (416, "InvalidRange"), "{range}");
    }
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*/2026/10.csv"}}"#;
    sandbox.iam().put_role_policy(ROLE, "Keep", &deny.replace("*/", "arn:aws:s3:::*/"));
    let body = b"<Delete><Object><Key>2026/10.csv</Key></Object><Object><Key>2026/11.csv</Key></Object></Delete>";
    let answer = s3.call(Method::POST, "/ledger", &[("delete", "")], &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains("<Deleted><Key>2026/11.csv</Key></Deleted>"), "{}", answer.text);
    assert!(answer.text.contains("<Error><Key>2026/10.csv</Key><Code>AccessDenied</Code>"), "{}", answer.text);
    assert_eq!(sandbox.buckets().keys("ledger"), ["2026/10.csv", "README.txt"]);
}

#[tokio::test]
async fn bodies_come_in_chunks() {
    let (sandbox, alan) = sandbox().await;
    let s3 = Client(&sandbox, &alan);
    let unsigned = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "11"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
    let answer = s3.put("/ledger/x", &unsigned, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(sandbox.buckets().object("ledger", "x").as_deref(), Some(&b"hello world"[..]));
    for broken in [&body[..20], b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b""] {
        assert_eq!(s3.put("/ledger/x", &unsigned, broken).await.outcome(), (400, "IncompleteBody"));
    }
    let raw = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    assert_eq!(s3.put("/ledger/y", &raw, b"as it is").await.status, 200);
}

/// The example of "Signature calculations for the Authorization header: Transferring payload in multiple chunks" in the
/// S3 documentation signs its chunks like this.
#[tokio::test]
async fn chunks_have_signatures() {
    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let scope = "20130524/us-east-1/s3/aws4_request";
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let chunk = "a".repeat(65_536);
    let text =
        format!("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n{scope}\n{seed}\n{}\n{}", hex(b""), hex(chunk.as_bytes()));
    let expected = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    assert_eq!(signature(secret, scope, &text), expected);

    // A signature that is wrong is refused.
    let (sandbox, alan) = sandbox().await;
    let headers =
        [("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("x-amz-decoded-content-length", "1")];
    let body = format!("1;chunk-signature={expected}\r\nx\r\n0;chunk-signature={expected}\r\n\r\n");
    let answer = Client(&sandbox, &alan).put("/ledger/x", &headers, body.as_bytes()).await;
    assert_eq!(answer.outcome(), (403, "SignatureDoesNotMatch"));
}
