//! Asks who it is, five times, with the credentials of a profile: `sdk-rust-caller PROFILE ENDPOINT`. The AWS SDK for
//! Rust as it comes, but for TLS, which loopback does not need.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program of the tests")]

use aws_config::BehaviorVersion;
use aws_sdk_sts::config::Region;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let (profile, endpoint) = (words.next().expect("a profile"), words.next().expect("an endpoint"));
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .profile_name(profile)
        .endpoint_url(endpoint)
        .load()
        .await;
    let client = aws_sdk_sts::Client::new(&config);
    for _ in 0..5 {
        let answer = client.get_caller_identity().send().await.expect("an answer");
        println!("{}", answer.arn().unwrap_or_default());
    }
}
