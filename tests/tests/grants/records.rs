//! Somebody who can write records, and signs for nobody, must not give, end or hide access by them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use tempaccess_core::grants::{GrantFilter, GrantId, RevocationTarget};
use tempaccess_core::records::{FolderRecords, GrantState, ObjectRecords, Records};
use tempaccess_core::{ErrorKind, Result, grants::Grants};
use tempaccess_tests::office::{ADMIN, GRANTED, Office, PEOPLE};

fn file(office: &Office, id: &GrantId, number: u32) -> PathBuf {
    office.folder.path().join("records").join(id.as_str()).join(format!("{number:04}.json"))
}

async fn problems(grants: &Grants, id: &GrantId) -> Vec<String> {
    grants.show(id).await.unwrap().defects().to_vec()
}

#[tokio::test]
async fn nothing_can_be_added_to_a_signed_record() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    let path = file(&office, &id, 1);
    let original = std::fs::read_to_string(&path).unwrap();
    for added in [
        r#","policy_arns":["arn:aws:iam::aws:policy/AdministratorAccess"]}"#,
        r#","break_glass":true}"#,
        r#","preset":"wide"}"#,
        r#","approvals":[{"text":"{}","signature":"x"}]}"#,
    ] {
        std::fs::write(&path, original.trim_end().strip_suffix('}').unwrap().to_owned() + added).unwrap();
        let defects = problems(&grants, &id).await;
        assert_eq!(defects, ["event 1: a record of the grant has more than what was signed"], "{added}");
        let error = grants.extend(&id, "5m".parse().unwrap(), "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GrantNotGenuine);
    }
    std::fs::write(&path, original).unwrap();
    assert!(problems(&grants, &id).await.is_empty());
}

#[tokio::test]
async fn events_that_nobody_signed_end_and_hide_nothing() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    let first = std::fs::read_to_string(file(&office, &id, 1)).unwrap();
    for (from, to) in [
        (r#""event":"permitted""#, r#""event":"revoked""#),
        (r#""until":"2026-11-25T15:00:00Z""#, r#""until":"2026-11-25T13:00:00Z""#),
        (PEOPLE, "arn:aws:iam::111122223333:role/ReadOnly"),
    ] {
        let forged = first.replace(r#""seq":1"#, r#""seq":2"#).replace(from, to);
        assert_ne!(forged, first);
        std::fs::write(file(&office, &id, 2), forged).unwrap();
        // It is still listed, as live, with what is wrong.
        let listed = grants.list(&GrantFilter::default()).await.unwrap().grants.remove(0);
        assert_eq!((listed.state, listed.role_arn.as_str()), (Some(GrantState::Live), PEOPLE));
        assert!(!listed.problems.is_empty());
        // It can be revoked, where it is.
        let plan = grants.plan_revoke(&RevocationTarget::Person("grace@example.com".to_owned()), "x").await.unwrap();
        assert_eq!((plan.steps.len(), plan.steps[0].role_arn.as_str()), (1, PEOPLE));
        assert!(grants.plan_clean(&[]).await.unwrap().is_empty());
    }
    grants.revoke(&id, "forged records").await.unwrap();
    let name = format!("tempaccess-grant-{id}");
    assert!(!office.sandbox.iam().role_policies(PEOPLE).contains_key(&name));
}

#[tokio::test]
async fn one_broken_record_hides_no_other_grant() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    let broken: GrantId = "aaaaaaaaaaaa".parse().unwrap();
    let path = file(&office, &broken, 1);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "{").unwrap();
    let listing = grants.list(&GrantFilter::default()).await.unwrap();
    assert_eq!(listing.grants.iter().map(|grant| &grant.id).collect::<Vec<_>>(), [&id]);
    grants.revoke(&id, "works").await.unwrap();
    // A session grant can be given all the same.
    grants.issue(&office.session_for_grace(20)).await.unwrap();
}

#[tokio::test]
async fn junk_hides_no_grant_and_keeps_nobody_from_ending_it() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    for junk in ["{".to_owned(), "x".repeat(70_000)] {
        std::fs::write(file(&office, &id, 9), junk).unwrap();
        let listed = grants.list(&GrantFilter::default()).await.unwrap().grants.remove(0);
        assert_eq!((listed.state, listed.problems.len()), (Some(GrantState::Live), 1), "{listed:?}");
        let checked = grants.check(&[]).await.unwrap();
        assert!(checked.findings[0].problem.starts_with("file 9 is not an event: "), "{checked:?}");
    }
    grants.revoke(&id, "done early").await.unwrap();
    let history = grants.show(&id).await.unwrap();
    assert_eq!(history.state(office.now()), GrantState::Revoked, "{:?}", history.defects());
    assert!(file(&office, &id, 2).exists());
    // Another folder that is none of a grant is a note, and no grant is hidden by it.
    std::fs::create_dir(office.folder.path().join("records/bbbbbbbbbbbb")).unwrap();
    std::fs::write(office.folder.path().join("records/bbbbbbbbbbbb/0001.json"), "x".repeat(70_000)).unwrap();
    let listing = grants.list(&GrantFilter::all()).await.unwrap();
    assert!(listing.grants.len() == 1 && listing.notes[0].contains("bbbbbbbbbbbb"), "{listing:?}");
    assert!(grants.check(&[]).await.unwrap().findings.iter().any(|finding| finding.problem.contains("cannot be read")));
}

#[tokio::test]
async fn files_that_are_added_neither_hide_nor_move_a_grant() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    let genuine = std::fs::read_to_string(file(&office, &id, 1)).unwrap();
    let folder = file(&office, &id, 1).parent().unwrap().to_owned();
    let denied = genuine.replace(r#""event":"issued""#, r#""event":"denied""#).replace("grace@", "mallory@");
    let ended = genuine.replace(r#""until":"2026-11-25T14:40:00Z""#, r#""until":"2026-01-01T00:00:00Z""#);
    assert!(denied != genuine && ended != genuine);
    std::fs::create_dir(folder.join("x")).unwrap();
    for name in ["0000.json", "+001.json", "+002.json", "x/0002.json", "0002.json", "0007.json", "9999.json"] {
        for text in ["junk", "", &genuine, &denied, &ended] {
            std::fs::write(folder.join(name), text).unwrap();
            let listed = grants.list(&GrantFilter::default()).await.unwrap().grants.remove(0);
            assert_eq!(
                (listed.state, listed.to.as_deref()),
                (Some(GrantState::Live), Some("grace@example.com")),
                "{name}"
            );
            let history = grants.show(&id).await.unwrap();
            assert_eq!(history.extensions(), 0, "{name}");
        }
        // With what is there by now it can be extended no more, and is revoked all the same.
        assert!(
            grants.plan_revoke(&RevocationTarget::Person("grace@example.com".to_owned()), "x").await.is_ok(),
            "{name}"
        );
    }
    grants.revoke(&id, "done early").await.unwrap();
    assert!(folder.join("0003.json").exists());
    // What was added may change or go afterwards.
    std::fs::write(folder.join("0002.json"), "other junk").unwrap();
    assert_eq!(grants.show(&id).await.unwrap().state(office.now()), GrantState::Revoked);
    std::fs::remove_file(folder.join("0002.json")).unwrap();
    assert_eq!(grants.show(&id).await.unwrap().state(office.now()), GrantState::Revoked);
}

#[tokio::test]
async fn a_fake_grant_keeps_no_other_one_open() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    let fake: GrantId = "aaaaaaaaaaaa".parse().unwrap();
    let path = file(&office, &fake, 1);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = std::fs::read_to_string(file(&office, &id, 1)).unwrap().replace(id.as_str(), fake.as_str());
    std::fs::write(path, text).unwrap();
    for target in [
        RevocationTarget::Person("grace@example.com".to_owned()),
        RevocationTarget::Administrator("ada@example.com".to_owned()),
    ] {
        let plan = grants.plan_revoke(&target, "left the company").await.unwrap();
        assert!(plan.steps.iter().any(|step| step.id.as_ref() == Some(&id)), "{plan:?}");
        assert!(plan.skipped.len() == 1 && plan.skipped[0].contains(fake.as_str()), "{plan:?}");
    }
    let plan = grants
        .plan_revoke(&RevocationTarget::Person("grace@example.com".to_owned()), "left the company")
        .await
        .unwrap();
    let error = grants.carry_out_revocation(&plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantNotGenuine);
    assert!(error.hint().unwrap().contains("all other grants were revoked"), "{error:?}");
    assert_eq!(grants.show(&id).await.unwrap().state(office.now()), GrantState::Revoked);
}

/// The key of an administrator is removed from the signers after they have left.
#[tokio::test]
async fn what_a_colleague_has_extended_counts_without_who_gave_it() {
    let office = Office::open();
    let id = office.grants().permit(&office.ledger_for_grace(30).role("People")).await.unwrap().event.id;
    let alan = office.grants_of("alan@example.com", Default::default());
    alan.extend(&id, "10m".parse().unwrap(), "x").await.unwrap();
    let without_ada = office.grants_trusting("alan@example.com", &["alan@example.com"]);
    let history = without_ada.show(&id).await.unwrap();
    assert_eq!((history.state(office.now()), history.events().count()), (GrantState::Live, 2));
    assert!(history.defects().len() == 1 && history.defects()[0].starts_with("event 1: "), "{:?}", history.defects());
    without_ada.revoke(&id, "who gave it has left").await.unwrap();
    assert_eq!(without_ada.show(&id).await.unwrap().state(office.now()), GrantState::Revoked);
}

/// Names that the store cannot read as paths, which everybody who can write to the bucket can choose.
#[tokio::test]
async fn odd_names_in_a_bucket_hide_nothing() {
    let office = Office::open();
    let records = ObjectRecords::s3("s3://access-records/grants", office.bucket_access()).unwrap();
    let id: GrantId = "k7q3m5xw2p4a".parse().unwrap();
    records.create(&id, 1, b"{}".to_vec()).await.unwrap();
    let put = |key: &str| office.sandbox.buckets().put_object("access-records", key, "{}");
    for key in ["grants//x", "grants/../x", "grants/./x"] {
        put(key);
    }
    for key in ["/x", "//0002.json", "x/0002.json", "0000.json", "+002.json", "0001.json/", "0003.json/x", "a\nb"] {
        put(&format!("grants/{id}/{key}"));
    }
    assert_eq!(records.events(&id).await.unwrap(), [(1, b"{}".to_vec())]);
    assert_eq!(records.ids().await.unwrap(), std::slice::from_ref(&id));
    assert!(records.changed_since(office.now()).await.unwrap().contains(&id));
    records.create(&id, 2, b"{}".to_vec()).await.unwrap();
}

/// Two administrators write at the same time, because somebody else's file had the number in between for a moment.
#[tokio::test]
async fn a_signed_revocation_holds_whichever_event_it_follows() {
    let office = Office::open();
    let (ada, alan) = (office.grants(), office.grants_of("alan@example.com", Default::default()));
    let id = ada.issue(&office.session_for_grace(20)).await.unwrap().event.id;
    let [second, third] = [2, 3].map(|number| file(&office, &id, number));
    std::fs::write(&second, "").unwrap();
    ada.revoke(&id, "left the company").await.unwrap();
    let revoked = std::fs::read(&third).unwrap();
    std::fs::remove_file(&second).unwrap();
    std::fs::remove_file(&third).unwrap();
    alan.extend(&id, "40m".parse().unwrap(), "takes longer").await.unwrap();
    std::fs::write(&third, revoked).unwrap();
    let history = ada.show(&id).await.unwrap();
    assert_eq!(history.state(office.now()), GrantState::Revoked, "{:?}", history.defects());
    // The denial stays for as long as the extension would last.
    let denials = || office.sandbox.iam().role_policies(GRANTED).len();
    let before = denials();
    office.advance(45);
    let cleaned = ada.plan_clean(&[]).await.unwrap();
    ada.clean(&cleaned).await.unwrap();
    assert_eq!(denials(), before, "{cleaned:?}");
}

#[tokio::test]
async fn a_fake_grant_keeps_nobody_from_getting_one() {
    let office = Office::open();
    let grants = office.grants();
    let id = grants.issue(&office.session_for_grace(40)).await.unwrap().event.id;
    let genuine = std::fs::read_to_string(file(&office, &id, 1)).unwrap();
    grants.revoke(&id, "next").await.unwrap();
    let fake: GrantId = "aaaaaaaaaaaa".parse().unwrap();
    let path = file(&office, &fake, 1);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for text in [genuine.replace(id.as_str(), fake.as_str()), genuine] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(grants.show(&fake).await.unwrap().id(), &fake);
        let next = grants.issue(&office.session_for_grace(10)).await.unwrap().event.id;
        grants.revoke(&next, "next").await.unwrap();
    }
}

/// Records that count their reads and writes.
#[derive(Debug)]
struct Counted {
    records: FolderRecords,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

#[async_trait]
impl Records for Counted {
    fn describe(&self) -> String {
        self.records.describe()
    }

    async fn create(&self, id: &GrantId, seq: u32, event: Vec<u8>) -> Result<()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.records.create(id, seq, event).await
    }

    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.records.events(id).await
    }

    async fn ids(&self) -> Result<Vec<GrantId>> {
        self.records.ids().await
    }

    async fn changed_since(&self, since: Timestamp) -> Result<Vec<GrantId>> {
        self.records.changed_since(since).await
    }
}

/// A grant looks three times whether there is another one: before it is confirmed, before it is given, and once it is recorded.
#[tokio::test]
async fn the_grants_of_others_are_read_once() {
    const OTHERS: usize = 12;
    let office = Office::open();
    for number in 0..OTHERS {
        office.grants().issue(&office.session_for(&format!("person{number}@example.com"), 40)).await.unwrap();
    }
    let folder = FolderRecords::new(office.folder.path().join("records"));
    let counted = Arc::new(Counted { records: folder, reads: AtomicUsize::new(0), writes: AtomicUsize::new(0) });
    let signer = Arc::new(office.signer("ada@example.com"));
    let access = office.access("ada@example.com", ADMIN);
    let grants = Grants::builder(access, Arc::new(office.iam()), Arc::clone(&counted) as Arc<dyn Records>, signer)
        .signers(office.signers())
        .clock(Arc::new(office.clock.clone()))
        .build();
    grants.issue(&office.session_for_grace(40)).await.unwrap();
    assert_eq!(counted.writes.load(Ordering::Relaxed), 1);
    // Each once, and its own to see what it was given before.
    assert!(counted.reads.load(Ordering::Relaxed) <= OTHERS + 1, "{counted:?}");
}
