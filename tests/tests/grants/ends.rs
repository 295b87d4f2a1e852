//! Ending access against obstacles: full roles, other policies, wrong clocks, missing rights.

use std::sync::Arc;

use jiff::SignedDuration;
use tempaccess_core::ErrorKind;
use tempaccess_core::grants::{GrantFilter, Grants, Revoke};
use tempaccess_core::records::{FolderRecords, GrantState};
use tempaccess_tests::office::{ADMIN, GRANTED, Office};

#[tokio::test]
async fn one_step_that_fails_keeps_no_other_from_being_done() {
    let office = Office::open();
    let grants = office.grants();
    let session = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    let policy = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    // No room for the deny.
    let large = format!(
        r#"{{"Statement":[{{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}"}}]}}"#,
        "x".repeat(10_000)
    );
    office.sandbox.iam().put_role_policy(GRANTED, "Large", &large);
    let plan = grants.plan_revoke(&Revoke::Grants(vec![session.clone(), policy.clone()]), "x").await.unwrap();
    let error = grants.carry_out_revocation(&plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IamLimit);
    let hint = error.hint().unwrap();
    assert!(hint.contains("--print scp") && hint.contains(&format!("done: {policy}")), "{hint}");
    assert!(hint.contains(&format!("not done: {session}")), "{hint}");
    assert_eq!(grants.show(&policy).await.unwrap().state(office.now()), GrantState::Revoked);
    assert_eq!(grants.show(&session).await.unwrap().state(office.now()), GrantState::Live);
}

#[tokio::test]
async fn a_revocation_that_denies_something_else_is_found() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    grants.revoke(&id, "x").await.unwrap();
    assert!(grants.check(&[]).await.unwrap().findings.is_empty());
    let iam = office.sandbox.iam();
    let (name, document) = iam.role_policies(GRANTED).into_iter().find(|(name, _)| name.contains(id.as_str())).unwrap();
    iam.put_role_policy(GRANTED, &name, &document.replace(r#""Action":"*""#, r#""Action":"s3:PutObject""#));
    iam.put_role_policy(GRANTED, "tempaccess-grant-NOTANID", &document);
    let findings = grants.check(&[]).await.unwrap().findings;
    let problems: Vec<_> = findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert!(problems.iter().any(|problem| problem.contains("does not deny what its name says")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("NOTANID")), "{problems:?}");
    // Somebody removes the deny: the grant that was revoked is listed again, with the problem.
    iam.delete_role_policy(GRANTED, &name);
    let listed = grants.list(&GrantFilter::default()).await.unwrap().grants;
    assert!(listed[0].problems[0].contains("the revocation does not hold"), "{listed:?}");
}

#[tokio::test]
async fn what_ends_all_sessions_shows_at_each_grant() {
    let office = Office::open();
    let grants = office.grants();
    grants.issue(&office.session_for_grace(40)).await.unwrap();
    office.advance(1);
    let plan = grants.plan_revoke(&Revoke::Older { role: "Granted".to_owned() }, "x").await.unwrap();
    grants.carry_out_revocation(&plan).await.unwrap();
    let listed = grants.list(&GrantFilter::default()).await.unwrap().grants;
    assert!(listed[0].problems[0].contains("denies it: the person has no access"), "{listed:?}");
    assert_eq!(grants.check(&[]).await.unwrap().findings.len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_ahead_lifts_no_deny() {
    let office = Office::open();
    let id = office.grants().issue(&office.session_for_grace(40)).await.unwrap().event.id;
    office.grants().revoke(&id, "x").await.unwrap();
    /// The clock of a machine that is an hour ahead of AWS's.
    #[derive(Debug)]
    struct Ahead(tempaccess_tests::office::SharedClock);
    impl tempaccess_core::Clock for Ahead {
        fn now(&self) -> jiff::Timestamp {
            self.0.now() + SignedDuration::from_hours(1)
        }

        fn monotonic(&self) -> std::time::Duration {
            self.0.monotonic()
        }
    }
    let records = FolderRecords::new(office.folder.path().join("records"));
    let access = office.access("ada@example.com", ADMIN);
    let signer = Arc::new(office.signer("ada@example.com"));
    let ahead = Grants::builder(access, Arc::new(office.iam()), Arc::new(records), signer)
        .signers(office.signers())
        .clock(Arc::new(Ahead(office.clock.clone())))
        .build();
    assert!(ahead.plan_clean(&["Granted".to_owned()]).await.unwrap().is_empty());
    office.advance(60);
    assert_eq!(ahead.plan_clean(&["Granted".to_owned()]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_extension_that_iam_refused_is_none() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    let policies = office.sandbox.iam().role_policies(ADMIN);
    let rights = &policies["Grants"];
    office.sandbox.iam().put_role_policy(
        ADMIN,
        "Grants",
        &rights.replace(
            r#""Action": ["iam:PutRolePolicy", "iam:DeleteRolePolicy"]"#,
            r#""Action": "iam:DeleteRolePolicy""#,
        ),
    );
    let refused = grants.extend(&id, "10m".parse().unwrap(), "x").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IamRefused);
    let history = grants.show(&id).await.unwrap();
    assert_eq!((history.extensions(), history.events().count()), (0, 3), "{:?}", history.defects());
    office.sandbox.iam().put_role_policy(ADMIN, "Grants", rights);
    grants.extend(&id, "10m".parse().unwrap(), "x").await.unwrap();
    assert_eq!(grants.show(&id).await.unwrap().extensions(), 1);
}
