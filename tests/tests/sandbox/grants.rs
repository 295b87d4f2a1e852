//! The judge of the sandbox: grants allow what they say for as long as they say, and end one by one.

use http::Method;
use jiff::SignedDuration;
use tempaccess_sandbox::{Sandbox, ServiceControlPolicy, World};
use tempaccess_tests::aws::{Answer, Call, Credentials, query, sign_in, sign_in_with};

const ADMIN: &str = "arn:aws:iam::111122223333:role/AccessAdmin";
const GRANTED: &str = "arn:aws:iam::111122223333:role/Granted";
const PEOPLE: &str = "arn:aws:iam::111122223333:role/People";

fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    let mut world = World::demo();
    for (login, role) in [("ada@example.com", ADMIN), ("ada@example.com", PEOPLE), ("grace@example.com", PEOPLE)] {
        let offer = format!("arn:aws:iam::111122223333:saml-provider/Okta,{role}");
        let roles = &mut world.user_mut(login).unwrap().roles;
        if !roles.contains(&offer) {
            roles.push(offer);
        }
    }
    change(&mut world);
    let sandbox = Sandbox::start(world).unwrap();
    sandbox.clock().stop_at("2026-11-25T13:50:00Z".parse().unwrap());
    sandbox
}

async fn get(sandbox: &Sandbox, caller: &Credentials, path: &str) -> Answer {
    let call = Call { service: "s3", method: Method::GET, path, query: &[], headers: &[] };
    call.send(sandbox, caller, b"").await
}

async fn list(sandbox: &Sandbox, caller: &Credentials, bucket: &str, prefix: &str) -> Answer {
    let query = [("list-type", "2"), ("prefix", prefix)];
    let path = format!("/{bucket}");
    let call = Call { service: "s3", method: Method::GET, path: &path, query: &query, headers: &[] };
    call.send(sandbox, caller, b"").await
}

async fn granted(sandbox: &Sandbox, ada: &Credentials, to: &str, id: &str, more: &[(&str, &str)]) -> Credentials {
    let name = format!("{to}+{id}");
    let own = [
        ("Action", "AssumeRole"),
        ("RoleArn", GRANTED),
        ("RoleSessionName", &name),
        ("Tags.member.1.Key", "TempaccessGrant"),
        ("Tags.member.1.Value", id),
        ("TransitiveTagKeys.member.1", "TempaccessGrant"),
    ];
    let answer = query(sandbox, ada, "sts", &[&own[..], more].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.credentials()
}

fn statement(effect: &str, action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}","Condition":{condition}}}]}}"#
    )
}

fn revocation(id: &str) -> String {
    statement("Deny", "*", "*", &format!(r#"{{"StringEquals":{{"aws:PrincipalTag/TempaccessGrant":"{id}"}}}}"#))
}

#[tokio::test]
async fn a_deny_by_tag_ends_exactly_one_grant() {
    let sandbox = sandbox(|_| {});
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let mut sessions = Vec::new();
    for (to, id) in [
        ("grace@example.com", "k7q3m5xw2p4a"),
        ("grace@example.com", "m3t8wq2nd5yk"),
        ("alan@example.com", "abcdefghjkmn"),
        // An extension has the id of what it extends.
        ("grace@example.com", "k7q3m5xw2p4a"),
    ] {
        sessions.push(granted(&sandbox, &ada, to, id, &[]).await);
    }
    for session in &sessions {
        assert_eq!(get(&sandbox, session, "/ledger/README.txt").await.text, "One file a month.\n");
    }
    let document = revocation("k7q3m5xw2p4a");
    let name = "tempaccess-revoked-k7q3m5xw2p4a=20261125T154000Z";
    let put =
        [("Action", "PutRolePolicy"), ("RoleName", "Granted"), ("PolicyName", name), ("PolicyDocument", &document)];
    let answer = query(&sandbox, &ada, "iam", &put).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for (session, status) in sessions.iter().zip([403, 200, 200, 403]) {
        let answer = get(&sandbox, session, "/ledger/README.txt").await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == 403 {
            let reason = "s3:GetObject on resource: &quot;arn:aws:s3:::ledger/README.txt&quot; with an explicit deny in an identity-based policy";
            assert!(answer.text.contains(reason), "{}", answer.text);
        }
        // Nothing stops a session from asking who it is.
        assert_eq!(query(&sandbox, session, "sts", &[("Action", "GetCallerIdentity")]).await.status, 200);
    }
    // A session that was granted cannot undo its end: the guard denies it whatever else allows it.
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    sandbox.iam().put_role_policy(GRANTED, "Everything", all);
    let delete = [("Action", "DeleteRolePolicy"), ("RoleName", "Granted"), ("PolicyName", name)];
    for session in &sessions {
        let answer = query(&sandbox, session, "iam", &delete).await;
        assert_eq!(answer.outcome(), (403, "AccessDenied"), "{}", answer.text);
    }
    assert_eq!(query(&sandbox, &ada, "iam", &delete).await.status, 200);
    assert_eq!(get(&sandbox, &sessions[0], "/ledger/README.txt").await.status, 200);
}

#[tokio::test]
async fn a_dated_policy_begins_and_ends_by_the_clock() {
    let sandbox = sandbox(|_| {});
    let grace = sign_in(&sandbox, "grace@example.com", PEOPLE).await.credentials();
    let ada = sign_in(&sandbox, "ada@example.com", PEOPLE).await.credentials();
    let until = |instant: &str| {
        let condition = format!(
            r#"{{"StringEquals":{{"aws:userid":"{}"}},"DateGreaterThanEquals":{{"aws:CurrentTime":"2026-11-25T14:00:00Z"}},"DateLessThan":{{"aws:CurrentTime":"{instant}"}}}}"#,
            grace.role_id
        );
        statement("Allow", "s3:ListBucket", "arn:aws:s3:::ledger", &condition)
    };
    sandbox.iam().put_role_policy(PEOPLE, "tempaccess-grant-k7q3m5xw2p4a", &until("2026-11-25T14:10:00Z"));
    let check = async |time: &str, status: u16| {
        sandbox.clock().stop_at(format!("2026-11-25T{time}Z").parse().unwrap());
        let answer = list(&sandbox, &grace, "ledger", "").await;
        assert_eq!(answer.status, status, "{time}: {}", answer.text);
        // It is one person's.
        assert_eq!(list(&sandbox, &ada, "ledger", "").await.status, 403);
    };
    check("13:59:59", 403).await;
    check("14:00:00", 200).await;
    check("14:09:59", 200).await;
    check("14:10:00", 403).await;
    // It is extended in place, with the same credentials.
    sandbox.iam().put_role_policy(PEOPLE, "tempaccess-grant-k7q3m5xw2p4a", &until("2026-11-25T14:20:00Z"));
    check("14:10:00", 200).await;
    check("14:20:00", 403).await;
}

#[tokio::test]
async fn a_boundary_bounds_what_policies_add() {
    let sandbox = sandbox(|_| {});
    let grace = sign_in(&sandbox, "grace@example.com", PEOPLE).await.credentials();
    let all = statement("Allow", "s3:*", "*", "{}");
    sandbox.iam().put_role_policy(PEOPLE, "tempaccess-grant-k7q3m5xw2p4a", &all);
    assert_eq!(get(&sandbox, &grace, "/ledger/README.txt").await.status, 200);
    let answer = get(&sandbox, &grace, "/vault/combination.txt").await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
    assert!(answer.text.contains("because no permissions boundary allows the s3:GetObject action"), "{}", answer.text);
    // Nothing of it is in the role, and it is not told whether the role exists.
    let answer = query(&sandbox, &grace, "iam", &[("Action", "GetRole"), ("RoleName", "Nobody")]).await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
}

#[tokio::test]
async fn a_session_policy_narrows_and_a_service_control_policy_bounds() {
    let full = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let sandbox = sandbox(|world| {
        world.scps.push(ServiceControlPolicy { document: full.to_owned(), accounts: None });
        let document = statement("Deny", "s3:*", "arn:aws:s3:::vault/*", "{}");
        let accounts = Some(vec!["111122223333".to_owned()]);
        world.scps.push(ServiceControlPolicy { document, accounts });
    });
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::ledger/*","arn:aws:s3:::vault/*"]}]}"#;
    let id = "k7q3m5xw2p4a";
    let narrow = granted(&sandbox, &ada, "grace@example.com", id, &[("Policy", policy)]).await;
    assert_eq!(get(&sandbox, &narrow, "/ledger/README.txt").await.status, 200);
    let answer = list(&sandbox, &narrow, "ledger", "").await;
    assert!(answer.text.contains("because no session policy allows the s3:ListBucket action"), "{}", answer.text);
    let answer = get(&sandbox, &narrow, "/vault/combination.txt").await;
    assert!(answer.text.contains("with an explicit deny in a service control policy"), "{}", answer.text);
    // By ARN: the managed policy of the world.
    let ceiling = [("PolicyArns.member.1.arn", "arn:aws:iam::111122223333:policy/GrantCeiling")];
    let narrow = granted(&sandbox, &ada, "grace@example.com", id, &ceiling).await;
    assert_eq!(list(&sandbox, &narrow, "ledger", "").await.status, 200);
    assert_eq!(list(&sandbox, &narrow, "vault", "").await.status, 403);
}

#[tokio::test]
async fn sessions_end_by_address_by_issuer_and_by_age() {
    let sandbox = sandbox(|_| {});
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let id = "k7q3m5xw2p4a";
    let document = statement("Allow", "s3:*", "*", r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#);
    let narrow = granted(&sandbox, &ada, "grace@example.com", id, &[("Policy", &document)]).await;
    assert_eq!(get(&sandbox, &narrow, "/ledger/README.txt").await.status, 403);
    sandbox.iam().set_source_ip("203.0.113.7".parse().unwrap());
    assert_eq!(get(&sandbox, &narrow, "/ledger/README.txt").await.status, 200);

    let all = granted(&sandbox, &ada, "grace@example.com", id, &[]).await;
    for (condition, status) in [
        (r#"{"StringEquals":{"aws:SourceIdentity":"ada@example.com"}}"#, 403),
        (r#"{"StringEquals":{"aws:SourceIdentity":"eve@example.com"}}"#, 200),
        (r#"{"DateLessThan":{"aws:TokenIssueTime":"2026-11-25T13:50:01Z"}}"#, 403),
        (r#"{"DateLessThan":{"aws:TokenIssueTime":"2026-11-25T13:50:00Z"}}"#, 200),
        (r#"{"StringLike":{"aws:userid":"*:grace@example.com+k7q3m5xw2p4a"}}"#, 403),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Granted"}}"#, 403),
        (r#"{"StringEquals":{"aws:PrincipalAccount":"111122223333","aws:RequestedRegion":"us-east-1"}}"#, 403),
        (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, 403),
        (r#"{"Null":{"aws:PrincipalTag/TempaccessGrant":"true"}}"#, 200),
    ] {
        sandbox.iam().put_role_policy(GRANTED, "end", &statement("Deny", "*", "*", condition));
        assert_eq!(get(&sandbox, &all, "/ledger/README.txt").await.status, status, "{condition}");
    }
}

#[tokio::test]
async fn variables_are_replaced_in_resources_and_conditions() {
    let sandbox = sandbox(|world| {
        world.user_mut("grace@example.com").unwrap().tags.insert("Year".to_owned(), "2026".to_owned());
    });
    let grace = sign_in(&sandbox, "grace@example.com", PEOPLE).await.credentials();
    for (resource, condition, prefix, status) in [
        ("arn:aws:s3:::ledger", r#"{"StringLike":{"s3:prefix":"${aws:PrincipalTag/Year}/*"}}"#, "2026/", 200),
        ("arn:aws:s3:::ledger", r#"{"StringLike":{"s3:prefix":"${aws:PrincipalTag/Year}/*"}}"#, "2025/", 403),
        ("arn:aws:s3:::ledger", r#"{"StringEquals":{"s3:prefix":"${aws:PrincipalTag/Month, '*'}"}}"#, "*", 200),
        ("arn:aws:s3:::ledger", r#"{"StringLike":{"s3:prefix":"${*}"}}"#, "2026/", 403),
        ("arn:aws:s3:::ledger", r#"{"StringEquals":{"s3:prefix":"${aws:username}"}}"#, "", 403),
        ("arn:aws:s3:::${aws:PrincipalTag/Bucket, 'ledger'}", "{}", "", 200),
        ("arn:aws:s3:::${aws:PrincipalTag/Bucket}", "{}", "", 403),
    ] {
        sandbox.iam().put_role_policy(PEOPLE, "variables", &statement("Allow", "s3:ListBucket", resource, condition));
        let answer = list(&sandbox, &grace, "ledger", prefix).await;
        assert_eq!(answer.status, status, "{resource} {condition} {prefix}: {}", answer.text);
    }
}

#[tokio::test]
async fn changes_take_effect_after_the_delay() {
    let sandbox = sandbox(|_| {});
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let grace = granted(&sandbox, &ada, "grace@example.com", "k7q3m5xw2p4a", &[]).await;
    sandbox.iam().delay_changes(SignedDuration::from_secs(4));
    let document = revocation("k7q3m5xw2p4a");
    let put =
        [("Action", "PutRolePolicy"), ("RoleName", "Granted"), ("PolicyName", "end"), ("PolicyDocument", &document)];
    assert_eq!(query(&sandbox, &ada, "iam", &put).await.status, 200);
    let read = [("Action", "GetRolePolicy"), ("RoleName", "Granted"), ("PolicyName", "end")];
    assert_eq!(query(&sandbox, &ada, "iam", &read).await.status, 200);
    assert_eq!(get(&sandbox, &grace, "/ledger/README.txt").await.status, 200);
    sandbox.clock().advance(SignedDuration::from_secs(4));
    assert_eq!(get(&sandbox, &grace, "/ledger/README.txt").await.status, 403);
}

/// A role without policies takes other roles as its trust policy allows, and may do nothing else.
#[tokio::test]
async fn a_role_without_policies_may_take_roles_only() {
    let sandbox = sandbox(|_| {});
    let read_only = "arn:aws:iam::111122223333:role/ReadOnly";
    let policy = statement("Allow", "s3:ListBucket", "*", "{}");
    let alan = sign_in_with(&sandbox, "alan@example.com", read_only, &[("Policy", &policy)]).await.credentials();
    let take = [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::777788889999:role/Deploy"),
        ("RoleSessionName", "alan"),
        ("ExternalId", "contract-17"),
    ];
    assert_eq!(query(&sandbox, &alan, "sts", &take).await.status, 200);
    let answer = list(&sandbox, &alan, "ledger", "").await;
    assert!(answer.text.contains("because no identity-based policy allows the s3:ListBucket"), "{}", answer.text);
    // As soon as it has a policy, that counts.
    sandbox.iam().put_role_policy(read_only, "one", &statement("Allow", "s3:ListBucket", "*", "{}"));
    let answer = query(&sandbox, &alan, "sts", &take).await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
    assert_eq!(list(&sandbox, &alan, "ledger", "").await.status, 200);
}

#[test]
fn a_world_with_a_malformed_policy_does_not_start() {
    let mut world = World::demo();
    world.roles[0].policies.insert("broken".to_owned(), "{".to_owned());
    let error = Sandbox::start(world).unwrap_err();
    assert_eq!(error.to_string(), "broken of arn:aws:iam::111122223333:role/ReadOnly: Syntax errors in policy.");
    let mut world = World::demo();
    world.roles[0].boundary = Some("Nothing".to_owned());
    let error = Sandbox::start(world).unwrap_err();
    assert_eq!(error.to_string(), "arn:aws:iam::111122223333:role/ReadOnly: there is no policy Nothing");
}
