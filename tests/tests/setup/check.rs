//! `tempaccess setup check`: nothing is missing in an account of the template, and each defect is named.

use serde_json::{Value, json};
use tempaccess_core::doctor::CheckOutcome;
use tempaccess_core::setup::{GrantSetup, RecordsPlace, SetupCheck, SetupFinding, SetupPart};
use tempaccess_sandbox::World;
use tempaccess_tests::account::{PROVIDER, emitted, setup, world};
use tempaccess_tests::office::{ADMIN, GRANTED, Office, PEOPLE};

async fn check(office: &Office, setup: &GrantSetup) -> SetupCheck {
    let session = office.access("ada@example.com", ADMIN).credentials().await.unwrap();
    setup.check(&office.iam(), &session.answer.credentials).await.unwrap()
}

/// Returns what is not good, one line each.
fn problems(check: &SetupCheck) -> Vec<String> {
    let bad = check.findings.iter().filter(|finding| finding.outcome != CheckOutcome::Good);
    let line = |finding: &SetupFinding| {
        assert!(finding.who.is_some() && finding.hint.is_some(), "{finding:?}");
        format!("{:?} {} {}: {}", finding.outcome, finding.part.as_str(), finding.name, finding.message)
    };
    bad.map(line).collect()
}

const BUCKET: &str = "Skipped records acme-access: the settings of the bucket are not checked";

#[tokio::test]
async fn an_account_of_the_template_lacks_nothing() {
    let setup = setup();
    let office = Office::of(world(&emitted(&setup)));
    let checked = check(&office, &setup).await;
    assert_eq!(problems(&checked), [BUCKET]);
    assert!(checked.complete && checked.failures() == 0);
    for part in [SetupPart::GrantedRole, SetupPart::PeopleRole, SetupPart::AdminRole, SetupPart::Provider] {
        assert!(checked.findings.iter().any(|finding| finding.part == part), "{part:?}");
    }
}

#[tokio::test]
async fn the_check_says_what_the_default_world_lacks() {
    let mut setup = setup();
    setup.records = Some(RecordsPlace::parse("s3://access-records").unwrap());
    let mut world = world(&emitted(&setup));
    let demo = World::demo();
    world.roles = demo.roles;
    world.policies = demo.policies;
    let office = Office::of(world);
    let problems = problems(&check(&office, &setup).await);
    let expected = [
        // The guard and the ceiling are there, and this administrator may not read managed policies.
        "Skipped granted_role Granted: AWS IAM refused GetPolicy (AccessDenied)",
        "Warning granted_role Granted: there is no permissions boundary",
        "Warning admin_role AccessAdmin: the role may overwrite records",
        "Skipped provider arn:aws:iam::111122223333:saml-provider/Okta: AWS IAM refused GetSAMLProvider",
        "Skipped records access-records: the settings of the bucket are not checked",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

/// Changes a part of the template, and returns what the check finds.
async fn defects(change: impl FnOnce(&mut World)) -> Vec<String> {
    let setup = setup();
    let mut world = world(&emitted(&setup));
    change(&mut world);
    let mut problems = problems(&check(&Office::of(world), &setup).await);
    problems.retain(|problem| problem != BUCKET);
    problems
}

fn role<'w>(world: &'w mut World, arn: &str) -> &'w mut tempaccess_sandbox::Role {
    world.roles.iter_mut().find(|role| role.arn == arn).unwrap()
}

/// Changes the trust policy of the granted role, and returns what the check finds.
async fn trust_defects(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let change = |world: &mut World| {
        let trust = &mut role(world, GRANTED).trust;
        let mut document = serde_json::from_str(trust.as_deref().unwrap()).unwrap();
        change(&mut document);
        *trust = Some(document.to_string());
    };
    defects(change).await
}

fn assert_found(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}: not {expected}");
    }
}

#[tokio::test]
async fn each_defect_of_a_trust_policy_is_found() {
    let found =
        trust_defects(|trust| drop(trust["Statement"][0]["Condition"].as_object_mut().unwrap().remove("StringLike")))
            .await;
    assert_found(&found, &["does not end with the ID", "the ID of another grant"]);
    let found = trust_defects(|trust| {
        trust["Statement"][0]["Condition"]["StringLike"]["sts:RoleSessionName"] = json!("*+*");
    });
    assert_found(&found.await, &["the ID of another grant"]);
    let found = trust_defects(|trust| {
        trust["Statement"][0]["Condition"].as_object_mut().unwrap().remove("ForAnyValue:StringEquals").unwrap();
    });
    assert_found(&found.await, &["is not transitive"]);
    // Without any condition, as people write it by hand.
    let found = trust_defects(|trust| {
        let statement = &mut trust["Statement"][0];
        statement.as_object_mut().unwrap().remove("Condition").unwrap();
    });
    assert_found(
        &found.await,
        &["without the session tag", "is not transitive", "does not end with the ID", "the ID of another grant"],
    );
    let found = trust_defects(|trust| {
        trust["Statement"][1]["Condition"].as_object_mut().unwrap().remove("ForAllValues:StringEquals").unwrap();
    });
    assert_found(&found.await, &["with other session tags"]);
    let found = trust_defects(|trust| drop(trust["Statement"].as_array_mut().unwrap().remove(1)));
    assert_found(&found.await, &["does not allow `sts:TagSession` to"]);
    // All in one statement denies tagging, because AWS has no session name then.
    let found = trust_defects(|trust| {
        trust["Statement"].as_array_mut().unwrap().truncate(1);
        trust["Statement"][0]["Action"] = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    });
    assert_found(&found.await, &["does not allow `sts:TagSession` to"]);
    let found = trust_defects(|trust| {
        let people = json!({"Effect": "Allow", "Principal": {"AWS": PEOPLE}, "Action": "sts:AssumeRole"});
        trust["Statement"].as_array_mut().unwrap().push(people);
    });
    assert_found(
        &found.await,
        &["principals other than administrators can assume the role: `arn:aws:iam::111122223333:role/People`"],
    );
    let found = trust_defects(|trust| {
        let saml = json!({"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithSAML"});
        trust["Statement"].as_array_mut().unwrap().push(saml);
    });
    assert_found(&found.await, &["people can sign in to the role"]);
}

#[tokio::test]
async fn a_missing_guard_boundary_role_and_right_are_found() {
    let found = defects(|world| role(world, GRANTED).attached.retain(|arn| !arn.ends_with("GrantGuard"))).await;
    assert_found(&found, &["Failed granted_role Granted: the guard is missing: nothing denies `iam:PutRolePolicy`"]);
    // A guard by another name counts, and one with a gap does not.
    let inline = |document: &str| {
        let document = document.to_owned();
        move |world: &mut World| {
            let granted = role(world, GRANTED);
            granted.attached.retain(|arn| !arn.ends_with("GrantGuard"));
            granted.policies.insert("own".to_owned(), document);
        }
    };
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}"#;
    assert_found(&defects(inline(all)).await, &[]);
    let gap =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":["iam:Create*","s3:*"],"Resource":"*"}}"#;
    let found = defects(inline(gap)).await;
    assert_found(&found, &["nothing denies `iam:CreateAccessKey`, `iam:CreateUser`, `iam:CreateRole` to"]);

    let found = defects(|world| role(world, PEOPLE).boundary = None).await;
    assert_found(&found, &["Failed people_role People: there is no permissions boundary"]);
    let found = defects(|world| {
        let trust = &mut role(world, PEOPLE).trust;
        let mut document: Value = serde_json::from_str(trust.as_deref().unwrap()).unwrap();
        let root = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"});
        document["Statement"].as_array_mut().unwrap().push(root);
        *trust = Some(document.to_string());
    });
    assert_found(&found.await, &["others choose their session names"]);
    let found = defects(|world| world.roles.retain(|role| role.arn != PEOPLE)).await;
    assert_found(&found, &["Failed people_role People: there is no such role"]);
    let without = |sid: &'static str| {
        move |world: &mut World| {
            let policy = world.policies.iter_mut().find(|policy| policy.arn.ends_with("GrantAdministration")).unwrap();
            let mut document: Value = serde_json::from_str(&policy.document).unwrap();
            document["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != sid);
            policy.document = document.to_string();
        }
    };
    let found = defects(without("Grant")).await;
    assert_found(&found, &["Failed admin_role AccessAdmin: the role lacks `sts:AssumeRole` on the role `Granted`"]);
    assert_found(&defects(without("Permit")).await, &["lacks `iam:PutRolePolicy` on the role `People`"]);
    let found = defects(without("AddRecords")).await;
    assert_found(&found, &["lacks `s3:PutObject` on arn:aws:s3:::acme-access/grants/*"]);
    // What cannot be read is not called missing.
    let found = defects(without("ReadPolicies")).await;
    assert_found(&found, &["Skipped granted_role Granted", "Skipped admin_role AccessAdmin"]);
    let found = defects(without("ReadRoles")).await;
    assert_found(&found, &["Skipped granted_role", "Skipped people_role", "Skipped admin_role"]);
}

#[tokio::test]
async fn rights_that_undo_the_setup_are_found() {
    let inline = |statement: Value| {
        move |world: &mut World| {
            let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
            role(world, ADMIN).policies.insert("more".to_owned(), document);
        }
    };
    let found = defects(inline(json!({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))).await;
    assert_found(
        &found,
        &["may write policies on `People` even if", "may remove the permissions boundary of `People`"],
    );
    let found = defects(inline(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))).await;
    assert_found(
        &found,
        &["may overwrite records", "`s3:DeleteObject`", "`s3:DeleteObjectVersion`", "`s3:BypassGovernanceRetention`"],
    );
}

#[tokio::test]
async fn a_missing_provider_and_another_account_are_found() {
    let mut setup = setup();
    let mut world = world(&emitted(&setup));
    let read = json!({"Effect": "Allow", "Action": "iam:GetSAMLProvider", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": [read]}).to_string();
    role(&mut world, ADMIN).policies.insert("more".to_owned(), document);
    let office = Office::of(world);
    setup.provider = Some("arn:aws:iam::111122223333:saml-provider/Entra".parse().unwrap());
    let found = problems(&check(&office, &setup).await);
    assert_found(
        &found,
        &["Failed provider arn:aws:iam::111122223333:saml-provider/Entra: there is no such SAML provider", BUCKET],
    );
    let mut elsewhere = GrantSetup::new("aws", "444455556666").unwrap();
    elsewhere.admins.clone_from(&setup.admins);
    elsewhere.granted = vec!["arn:aws:iam::444455556666:role/Granted".parse().unwrap()];
    let session = office.access("ada@example.com", ADMIN).credentials().await.unwrap();
    let error = elsewhere.check(&office.iam(), &session.answer.credentials).await.unwrap_err();
    assert_eq!(error.message(), "the session is in the account 111122223333, not in 444455556666");
}
