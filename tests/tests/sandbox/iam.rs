//! The sandbox's IAM and STS judge grants as AWS does.

use tempaccess_sandbox::{Fault, Sandbox, Service, World};
use tempaccess_tests::aws::{Answer, Credentials, query, sign_in};

const ADMIN: &str = "arn:aws:iam::111122223333:role/AccessAdmin";
const GRANTED: &str = "arn:aws:iam::111122223333:role/Granted";
const PEOPLE: &str = "arn:aws:iam::111122223333:role/People";
const ID: &str = "k7q3m5xw2p4a";

fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    let mut world = World::demo();
    for (login, role) in [("ada@example.com", ADMIN), ("grace@example.com", PEOPLE)] {
        let offer = format!("arn:aws:iam::111122223333:saml-provider/Okta,{role}");
        world.user_mut(login).unwrap().roles.push(offer);
    }
    change(&mut world);
    Sandbox::start(world).unwrap()
}

async fn ada(sandbox: &Sandbox) -> Credentials {
    sign_in(sandbox, "ada@example.com", ADMIN).await.credentials()
}

async fn grace(sandbox: &Sandbox) -> Credentials {
    sign_in(sandbox, "grace@example.com", PEOPLE).await.credentials()
}

async fn iam(sandbox: &Sandbox, caller: &Credentials, action: &str, parameters: &[(&str, &str)]) -> Answer {
    query(sandbox, caller, "iam", &[&[("Action", action), ("Version", "2010-05-08")], parameters].concat()).await
}

/// The parameters of a call that the trust policy of the role allows.
fn grant() -> Vec<(&'static str, &'static str)> {
    vec![
        ("RoleSessionName", "grace@example.com+k7q3m5xw2p4a"),
        ("Tags.member.1.Key", "TempaccessGrant"),
        ("Tags.member.1.Value", ID),
        ("Tags.member.2.Key", "TempaccessTo"),
        ("Tags.member.2.Value", "grace@example.com"),
        ("TransitiveTagKeys.member.1", "TempaccessGrant"),
        ("SourceIdentity", "ada@example.com"),
    ]
}

async fn take(sandbox: &Sandbox, caller: &Credentials, role: &str, parameters: &[(&str, &str)]) -> Answer {
    query(sandbox, caller, "sts", &[&[("Action", "AssumeRole"), ("RoleArn", role)], parameters].concat()).await
}

#[tokio::test]
async fn the_trust_policy_of_a_granted_role_accepts_grants_only() {
    let sandbox = sandbox(|_| {});
    let ada = ada(&sandbox).await;
    let changed = |name: &'static str, value: &'static str| {
        let replaced = grant().into_iter().map(|(known, old)| (known, if known == name { value } else { old }));
        replaced.collect::<Vec<_>>()
    };
    let without = |prefix: &str| grant().into_iter().filter(|(name, _)| !name.starts_with(prefix)).collect::<Vec<_>>();
    let foreign = [grant(), vec![("Tags.member.3.Key", "Team"), ("Tags.member.3.Value", "x")]].concat();
    for (case, parameters, refused) in [
        ("a grant", grant(), None),
        ("without a tag", [without("T"), vec![]].concat(), Some("sts:AssumeRole")),
        ("with a tag that is not transitive", without("Transitive"), Some("sts:AssumeRole")),
        ("a name without the id", changed("RoleSessionName", "grace@example.com"), Some("sts:AssumeRole")),
        ("a name with another id", changed("RoleSessionName", "grace+aaaaaaaaaaaa"), Some("sts:AssumeRole")),
        ("a foreign tag", foreign, Some("sts:TagSession")),
        ("another source identity", changed("SourceIdentity", "eve@example.com"), Some("sts:SetSourceIdentity")),
    ] {
        let answer = take(&sandbox, &ada, GRANTED, &parameters).await;
        match refused {
            None => assert_eq!(answer.status, 200, "{case}: {}", answer.text),
            Some(action) => {
                assert_eq!(answer.outcome(), (403, "AccessDenied"), "{case}: {}", answer.text);
                let expected = format!(
                    "User: arn:aws:sts::111122223333:assumed-role/AccessAdmin/ada@example.com is not authorized to perform: {action} on resource: {GRANTED}"
                );
                assert!(answer.get("Message").unwrap().starts_with(&expected), "{case}: {}", answer.text);
            }
        }
    }
    // Another role, with the same parameters.
    let grace = grace(&sandbox).await;
    let answer = take(&sandbox, &grace, GRANTED, &grant()).await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
    assert!(
        answer.text.contains("because no identity-based policy allows the sts:AssumeRole action"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn tags_are_inherited_and_cannot_be_replaced() {
    let deploy = "arn:aws:iam::777788889999:role/Deploy";
    let sandbox = sandbox(|world| {
        let role = world.roles.iter_mut().find(|role| role.arn == deploy).unwrap();
        role.trusts_roles.push(GRANTED.to_owned());
        role.external_id = None;
        let granted = world.roles.iter_mut().find(|role| role.arn == GRANTED).unwrap();
        let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;
        granted.policies.insert("Chain".to_owned(), all.to_owned());
        let provider = "arn:aws:iam::111122223333:saml-provider/Okta";
        world.user_mut("grace@example.com").unwrap().roles.push(format!("{provider},{GRANTED}"));
    });
    let ada = ada(&sandbox).await;
    let granted = take(&sandbox, &ada, GRANTED, &grant()).await;
    assert_eq!(
        granted.get("Arn"),
        Some("arn:aws:sts::111122223333:assumed-role/Granted/grace@example.com+k7q3m5xw2p4a")
    );
    assert_eq!(granted.get("SourceIdentity"), Some("ada@example.com"));
    let granted = granted.credentials();
    let name = ("RoleSessionName", "grace");
    assert_eq!(take(&sandbox, &granted, deploy, &[name]).await.status, 200);
    for key in ["TempaccessGrant", "tempaccessgrant"] {
        let tag = [name, ("Tags.member.1.Key", key), ("Tags.member.1.Value", "other")];
        let answer = take(&sandbox, &granted, deploy, &tag).await;
        assert_eq!(answer.outcome(), (400, "InvalidParameterValue"), "{}", answer.text);
        assert!(answer.text.contains("conflicts with a transitive tag key"), "{}", answer.text);
    }
    // A tag that is not transitive is not inherited.
    let tag = [name, ("Tags.member.1.Key", "TempaccessTo"), ("Tags.member.1.Value", "other")];
    assert_eq!(take(&sandbox, &granted, deploy, &tag).await.status, 200);
    // Nobody signs in to the role: its trust policy names no provider.
    let answer = sign_in(&sandbox, "grace@example.com", GRANTED).await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
}

#[tokio::test]
async fn tags_have_limits() {
    let sandbox = sandbox(|_| {});
    let ada = ada(&sandbox).await;
    let tags = |count: usize, key: &str, value: &str| {
        let numbers = 1..=count;
        let pairs = numbers.map(|number| {
            let key = if number == 1 { key.to_owned() } else { format!("{key}{number}") };
            [(format!("Tags.member.{number}.Key"), key), (format!("Tags.member.{number}.Value"), value.to_owned())]
        });
        pairs.flatten().collect::<Vec<_>>()
    };
    for (case, parameters, expected) in [
        ("too many", tags(51, "k", "v"), "ValidationError"),
        ("a long key", tags(1, &"k".repeat(129), "v"), "ValidationError"),
        ("a long value", tags(1, "k", &"v".repeat(257)), "ValidationError"),
        ("a character", tags(1, "k", "a;b"), "ValidationError"),
        ("too much", tags(9, "k", &"v".repeat(256)), "PackedPolicyTooLarge"),
        ("the limits", tags(7, &"k".repeat(126), &"v".repeat(150)), "AccessDenied"),
    ] {
        let mut parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parameters.push(("RoleSessionName", "grace"));
        let answer = take(&sandbox, &ada, GRANTED, &parameters).await;
        assert_eq!(answer.outcome().1, expected, "{case}: {}", answer.text);
    }
    let duplicate = [("RoleSessionName", "grace"), ("Tags.member.1.Key", "Team"), ("Tags.member.2.Key", "team")];
    assert_eq!(take(&sandbox, &ada, GRANTED, &duplicate).await.outcome(), (400, "InvalidParameterValue"));
    let transitive = [("RoleSessionName", "grace"), ("TransitiveTagKeys.member.1", "Team")];
    assert_eq!(take(&sandbox, &ada, GRANTED, &transitive).await.outcome(), (400, "InvalidParameterValue"));
}

#[tokio::test]
async fn inline_policies_are_written_read_listed_and_deleted() {
    let sandbox = sandbox(|_| {});
    let ada = ada(&sandbox).await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#;
    let name = "tempaccess-grant-k7q3m5xw2p4a";
    let policy = [("RoleName", "People"), ("PolicyName", name), ("PolicyDocument", document)];
    let answer = iam(&sandbox, &ada, "PutRolePolicy", &policy).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.starts_with(r#"<PutRolePolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Resp"#)
    );
    let listed = iam(&sandbox, &ada, "ListRolePolicies", &[("RoleName", "People")]).await;
    let names = format!("<PolicyNames><member>Basics</member><member>{name}</member></PolicyNames><IsTruncated>false<");
    assert!(listed.text.contains(&names), "{}", listed.text);
    let one = iam(&sandbox, &ada, "ListRolePolicies", &[("RoleName", "People"), ("MaxItems", "1")]).await;
    assert!(one.text.contains("<member>Basics</member></PolicyNames><IsTruncated>true</"), "{}", one.text);
    let marker = [("RoleName", "People"), ("MaxItems", "1"), ("Marker", one.get("Marker").unwrap())];
    let rest = iam(&sandbox, &ada, "ListRolePolicies", &marker).await;
    assert!(rest.text.contains(&format!("<PolicyNames><member>{name}</member></PolicyNames>")), "{}", rest.text);
    let read = iam(&sandbox, &ada, "GetRolePolicy", &policy[..2]).await;
    assert_eq!(read.get("PolicyDocument"), Some(&*tempaccess_tests::aws::encode(document)));
    assert_eq!(sandbox.iam().role_policies(PEOPLE)[name], document);
    assert_eq!(iam(&sandbox, &ada, "DeleteRolePolicy", &policy[..2]).await.status, 200);
    for action in ["DeleteRolePolicy", "GetRolePolicy"] {
        let gone = iam(&sandbox, &ada, action, &policy[..2]).await;
        assert_eq!(gone.outcome(), (404, "NoSuchEntity"));
        let text = format!("The role policy with name {name} cannot be found.");
        assert_eq!(gone.get("Message"), Some(&*text));
    }
}

#[tokio::test]
async fn roles_are_described() {
    let sandbox = sandbox(|_| {});
    let ada = ada(&sandbox).await;
    let people = iam(&sandbox, &ada, "GetRole", &[("RoleName", "People")]).await;
    let boundary = "<PermissionsBoundaryArn>arn:aws:iam::111122223333:policy/GrantCeiling</PermissionsBoundaryArn>";
    assert!(people.text.contains(boundary), "{}", people.text);
    assert_eq!((people.get("Path"), people.get("MaxSessionDuration")), (Some("/"), Some("28800")));
    let trust = people.get("AssumeRolePolicyDocument").unwrap();
    assert!(trust.contains("Federated") && !trust.contains("%22AWS%22"), "{trust}");
    // The id is a part of what GetCallerIdentity answers.
    let id = people.get("RoleId").unwrap();
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    let grace = grace(&sandbox).await;
    assert_eq!(grace.role_id, format!("{id}:grace@example.com"));
    let identity = query(&sandbox, &grace, "sts", &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(identity.get("UserId"), Some(&*grace.role_id));
    let granted = iam(&sandbox, &ada, "GetRole", &[("RoleName", "Granted")]).await;
    let trust = tempaccess_tests::aws::encode(&sandbox.iam().trust_policy(GRANTED).unwrap());
    assert_eq!(granted.get("AssumeRolePolicyDocument"), Some(&*trust));
    let attached = iam(&sandbox, &ada, "ListAttachedRolePolicies", &[("RoleName", "Granted")]).await;
    assert_eq!(attached.get("PolicyArn"), Some("arn:aws:iam::111122223333:policy/GrantGuard"));
    let roles = iam(&sandbox, &ada, "ListRoles", &[]).await;
    let names: Vec<_> = roles.text.split("<RoleName>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(names, ["AccessAdmin", "Granted", "Migration", "People", "ReadOnly"]);
    let ops = iam(&sandbox, &ada, "ListRoles", &[("PathPrefix", "/ops/")]).await;
    assert!(ops.text.contains("<RoleName>Migration<") && !ops.text.contains("<RoleName>People<"), "{}", ops.text);
}

#[tokio::test]
async fn iam_refuses_what_aws_refuses() {
    let reserved = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123";
    let sandbox = sandbox(|world| {
        let ceiling = world.roles.iter().find(|role| role.arn == PEOPLE).unwrap().clone();
        world.roles.push(tempaccess_sandbox::Role { arn: reserved.to_owned(), ..ceiling });
    });
    let ada = ada(&sandbox).await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let put = async |role: &str, name: &str, document: &str| {
        let parameters = [("RoleName", role), ("PolicyName", name), ("PolicyDocument", document)];
        iam(&sandbox, &ada, "PutRolePolicy", &parameters).await
    };
    let answer = put("Granted", "ok", document).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // No boundary, no right.
    let answer = put("ReadOnly", "ok", document).await;
    assert_eq!(answer.outcome(), (403, "AccessDenied"));
    let text = "User: arn:aws:sts::111122223333:assumed-role/AccessAdmin/ada@example.com is not authorized to perform: iam:PutRolePolicy on resource: role ReadOnly because no identity-based policy allows the iam:PutRolePolicy action";
    assert_eq!(answer.get("Message"), Some(text));
    let answer = put("AWSReservedSSO_Admin_0123", "ok", document).await;
    assert_eq!(answer.outcome(), (400, "UnmodifiableEntity"));
    for (name, document, code) in [
        ("a b", document, "ValidationError"),
        (&*"n".repeat(129), document, "ValidationError"),
        ("empty", "", "ValidationError"),
        ("syntax", "{", "MalformedPolicyDocument"),
        ("effect", &document.replace("Deny", "deny"), "MalformedPolicyDocument"),
        ("version", &document.replace("2012-10-17", "2026-01-01"), "MalformedPolicyDocument"),
        ("resource", r#"{"Statement":{"Effect":"Deny","Action":"*"}}"#, "MalformedPolicyDocument"),
        ("arn", &document.replace(r#""Resource":"*""#, r#""Resource":"ledger""#), "MalformedPolicyDocument"),
        ("principal", &document.replace(r#""Effect""#, r#""Principal":"*","Effect""#), "MalformedPolicyDocument"),
        (
            "operator",
            r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Like":{"a":"b"}}}}"#,
            "MalformedPolicyDocument",
        ),
    ] {
        let answer = put("Granted", name, document).await;
        assert_eq!(answer.outcome(), (400, code), "{name}: {}", answer.text);
    }
    // 10,240 characters in all, without white space.
    let sized = |size: usize| {
        let sids = document.replace(r#""Effect""#, &format!("\"Sid\": \"{}\",\n \"Effect\"", "a".repeat(size)));
        let length = sids.chars().filter(|character| !character.is_whitespace()).count();
        document.replace(r#""Effect""#, &format!("\"Sid\": \"{}\",\n \"Effect\"", "a".repeat(2 * size - length)))
    };
    let used: usize = sandbox
        .iam()
        .role_policies(GRANTED)
        .values()
        .map(|policy| policy.chars().filter(|character| !character.is_whitespace()).count())
        .sum();
    assert_eq!(put("Granted", "full", &sized(10_240 - used)).await.status, 200);
    let answer = put("Granted", "full", &sized(10_240 - used + 1)).await;
    assert_eq!(answer.outcome(), (409, "LimitExceeded"));
    assert_eq!(answer.get("Message"), Some("Maximum policy size of 10240 bytes exceeded for role Granted"));
    let answer = iam(&sandbox, &ada, "GetRole", &[("RoleName", "Nobody")]).await;
    assert_eq!(answer.outcome(), (404, "NoSuchEntity"));
    assert_eq!(answer.get("Message"), Some("The role with name Nobody cannot be found."));
    // Throttling, and a caller that nobody knows.
    sandbox.fail_next(Service::Iam, Fault::Throttling);
    let answer = iam(&sandbox, &ada, "GetRole", &[("RoleName", "Granted")]).await;
    assert_eq!(answer.outcome(), (400, "Throttling"));
    let stranger = Credentials { secret: "0".repeat(40), ..ada.clone() };
    let answer = iam(&sandbox, &stranger, "GetRole", &[("RoleName", "Granted")]).await;
    assert_eq!(answer.outcome(), (403, "SignatureDoesNotMatch"));
}
