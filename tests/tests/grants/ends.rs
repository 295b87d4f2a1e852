//! Ending access against obstacles: full roles, other policies, wrong clocks, missing rights.

use std::sync::Arc;

use jiff::SignedDuration;
use tempaccess_core::ErrorKind;
use tempaccess_core::grants::{GrantFilter, GrantRules, Grants, RevocationTarget};
use tempaccess_core::records::{FolderRecords, GrantState};
use tempaccess_core::report::Report;
use tempaccess_tests::aws::Credentials;
use tempaccess_tests::office::{ADMIN, GRANTED, Office, WrongClock};

use crate::lifecycle::{README, status};

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
    let plan = grants.plan_revoke(&RevocationTarget::Grants(vec![session.clone(), policy.clone()]), "x").await.unwrap();
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
    let plan = grants.plan_revoke(&RevocationTarget::OlderSessions { role: "Granted".to_owned() }, "x").await.unwrap();
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
    let hour_ahead = WrongClock { clock: office.clock.clone(), ahead: SignedDuration::from_hours(1) };
    let records = FolderRecords::new(office.folder.path().join("records"));
    let access = office.access("ada@example.com", ADMIN);
    let signer = Arc::new(office.signer("ada@example.com"));
    let ahead = Grants::builder(access, Arc::new(office.iam()), Arc::new(records), signer)
        .signers(office.signers())
        .clock(Arc::new(hour_ahead))
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

/// What somebody else has applied at IAM, as `--print` prints it.
#[tokio::test]
async fn a_revocation_that_was_printed_shows_and_can_be_undone() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    assert_eq!(
        grants.plan_restore(std::slice::from_ref(&id), "x").await.unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let plan = grants.plan_revoke(&RevocationTarget::Grants(vec![id.clone()]), "x").await.unwrap();
    let step = &plan.steps[0];
    office.sandbox.iam().put_role_policy(GRANTED, &step.policy_name, step.document.as_ref().unwrap());
    let listed = grants.list(&GrantFilter::default()).await.unwrap().grants;
    assert!(listed[0].problems[0].contains("denies it: the person has no access"), "{listed:?}");
    assert_eq!(grants.check(&[]).await.unwrap().findings.len(), 1);
    let undo = grants.plan_restore(std::slice::from_ref(&id), "x").await.unwrap();
    grants.carry_out_revocation(&undo).await.unwrap();
    assert!(grants.check(&[]).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn revocations_of_a_whole_role_can_be_undone() {
    let office = Office::open();
    let grants = office.grants();
    grants.issue(&office.session_for_grace(40)).await.unwrap();
    office.advance(1);
    let role = || "Granted".to_owned();
    for target in [
        RevocationTarget::OlderSessions { role: role() },
        RevocationTarget::AdministratorOnRole { name: "ada@example.com".to_owned(), role: role() },
    ] {
        let plan = grants.plan_revoke(&target, "x").await.unwrap();
        grants.carry_out_revocation(&plan).await.unwrap();
        assert_eq!(grants.check(&[]).await.unwrap().findings.len(), 1, "{target:?}");
        let undo = grants.plan_restore_sessions(&target, "x").await.unwrap();
        grants.carry_out_revocation(&undo).await.unwrap();
        assert!(grants.check(&[]).await.unwrap().findings.is_empty(), "{target:?}");
        let error = grants.plan_restore_sessions(&target, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

/// Somebody who can write to the records has moved a grant away.
#[tokio::test]
async fn a_grant_without_records_is_revoked_on_its_role() {
    let office = Office::open();
    let grants = office.grants();
    let issued = grants.issue(&office.session_for_grace(40)).await.unwrap();
    let permitted = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    let session = Credentials::from(&office.opener("grace@example.com").open(&issued.sealed).await.unwrap().session);
    let id = issued.event.id;
    let records = office.folder.path().join("records");
    for id in [&id, &permitted] {
        std::fs::remove_dir_all(records.join(id.as_str())).unwrap();
    }
    let error = grants.plan_revoke(&RevocationTarget::Grants(vec![id.clone()]), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantNotFound);
    assert!(error.hint().unwrap().contains("--role ROLE"), "{error}");
    for (id, role) in [(&id, "Granted"), (&permitted, "People")] {
        let target = RevocationTarget::GrantsOnRole { ids: vec![id.clone()], role: role.to_owned() };
        let plan = grants.plan_revoke(&target, "x").await.unwrap();
        grants.carry_out_revocation(&plan).await.unwrap();
    }
    assert_eq!(status(&office.sandbox, &session, README).await, 403);
    let left = office.sandbox.iam().role_policies("arn:aws:iam::111122223333:role/People");
    assert!(!left.keys().any(|name| name.contains(permitted.as_str())), "{left:?}");
}

#[tokio::test]
async fn a_check_that_could_not_look_says_so() {
    let mut settings = tempaccess_core::config::Config::parse(
        "[grants.presets.people]\nkind = \"policy\"\nrole = \"People\"\nmax_duration = \"1h\"\n",
    )
    .unwrap();
    let rules = GrantRules::new(&std::mem::take(&mut settings.grants)).unwrap();
    let office = Office::open();
    let grants = office.grants_with(rules);
    assert!(grants.check(&[]).await.unwrap().findings.is_empty());
    let error = grants.check(&["Nope".to_owned()]).await.unwrap_err();
    assert!(error.message().contains("no role of account 111122223333 matches `Nope`"), "{error}");
    // A grant policy that nobody recorded, on a role without any recorded grant.
    office.sandbox.iam().put_role_policy(
        "arn:aws:iam::111122223333:role/People",
        "tempaccess-grant-zzzzzzzzzzz3",
        "{}",
    );
    let findings = grants.check(&[]).await.unwrap().findings;
    assert!(findings[0].problem.contains("the records do not have the grant"), "{findings:?}");
    // IAM refuses to list.
    let rights = office.sandbox.iam().role_policies(ADMIN)["Grants"].replace("iam:ListRolePolicies", "iam:GetUser");
    office.sandbox.iam().put_role_policy(ADMIN, "Grants", &rights);
    let findings = grants.check(&[]).await.unwrap().findings;
    assert!(findings[0].problem.contains("could not be looked at"), "{findings:?}");
}

#[tokio::test]
async fn what_is_confirmed_is_given_where_the_clock_is_wrong() {
    for minutes in [-10, 10] {
        let office = Office::open();
        let wrong = Arc::new(WrongClock { clock: office.clock.clone(), ahead: SignedDuration::from_mins(minutes) });
        let records = FolderRecords::new(office.folder.path().join("records"));
        // The sign-in notices; with a session from the cache, STS is asked.
        for clock in [wrong.clone() as Arc<dyn tempaccess_core::Clock>, Arc::new(office.clock.clone())] {
            let access = office.access_with_clock("ada@example.com", ADMIN, clock);
            access.credentials().await.unwrap();
            let signer = Arc::new(office.signer("ada@example.com"));
            let grants = Grants::builder(access, Arc::new(office.iam()), Arc::new(records.clone()), signer)
                .signers(office.signers())
                .clock(wrong.clone())
                .build();
            let plan = grants.plan_issue(&office.session_for_grace(40)).await.unwrap();
            let until = plan.summary().until;
            assert_eq!(until, office.now() + SignedDuration::from_mins(40), "{minutes}");
            let event = grants.carry_out(plan).await.unwrap().event;
            assert_eq!(event.until, until, "{minutes}");
            assert_eq!(
                grants.plan_issue(&office.session_for_grace(40)).await.unwrap_err().kind(),
                ErrorKind::GrantRefused
            );
            let extended = grants.extend(&event.id, SignedDuration::from_mins(10), "x").await.unwrap().event;
            assert_eq!(extended.until, until + SignedDuration::from_mins(10), "{minutes}");
            grants.revoke(&event.id, "x").await.unwrap();
            let revoked = grants.show(&event.id).await.unwrap();
            assert_eq!((revoked.last().at, revoked.defects()), (office.now(), &[][..]), "{minutes}");
            // A colleague whose clock is right can undo it.
            let restored = office.grants().plan_restore(std::slice::from_ref(&event.id), "x").await.unwrap();
            office.grants().carry_out_revocation(&restored).await.unwrap();
            assert_eq!(office.grants().show(&event.id).await.unwrap().state(office.now()), GrantState::Live);
            office.advance(1);
            grants.revoke(&event.id, "x").await.unwrap();
            let found = office.grants().histories(&GrantFilter::all()).await.unwrap();
            assert!(found.histories.iter().all(|history| history.defects().is_empty()), "{minutes}");
            let page = Report::new(&found, office.now()).html().unwrap();
            assert!(page.contains(r#""spans":[["#) && !page.contains(r#""spans":[]"#), "{minutes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_six_who_give_one_session_at_once_one_does() {
    let office = Arc::new(Office::open());
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let office = Arc::clone(&office);
            tokio::spawn(async move { office.grants().issue(&office.session_for_grace(40)).await })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(issued) => given.push(issued.event.id),
            Err(error) => assert_eq!(error.kind(), ErrorKind::GrantRefused, "{error}"),
        }
    }
    assert_eq!(given.len(), 1, "{given:?}");
    let live = office.grants().list(&GrantFilter::default()).await.unwrap().grants;
    assert_eq!(live.iter().map(|grant| &grant.id).collect::<Vec<_>>(), given.iter().collect::<Vec<_>>());
}
