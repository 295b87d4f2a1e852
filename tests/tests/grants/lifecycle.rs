//! Grants from issue to end, at the sandbox, whose judge asks every policy, and under a clock that moves.

use http::Method;
use tempaccess_core::ErrorKind;
use tempaccess_core::grants::{GrantFilter, GrantSpec, RevocationTarget};
use tempaccess_core::records::{EventKind, GrantState};
use tempaccess_core::report::Report;
use tempaccess_core::seal::{SealedGrant, Signers};
use tempaccess_sandbox::Sandbox;
use tempaccess_tests::aws::{Call, Credentials};
use tempaccess_tests::office::{GRANTED, Office, PEOPLE};

pub(crate) async fn status(sandbox: &Sandbox, keys: &Credentials, path: &str) -> u16 {
    let call = Call { service: "s3", method: Method::GET, path, query: &[], headers: &[] };
    call.send(sandbox, keys, b"").await.status
}

pub(crate) const README: &str = "/ledger/README.txt";

#[tokio::test]
async fn a_session_grant_is_narrow_and_ends_alone() {
    let office = Office::open();
    let (grants, sandbox) = (office.grants(), &office.sandbox);
    let issued = grants.issue(&office.session_for_grace(40)).await.unwrap();
    let opened = office.opener("grace@example.com").open(&issued.sealed).await.unwrap();
    let grace = Credentials::from(&opened.session);
    assert_eq!(status(sandbox, &grace, README).await, 200);
    // The role allows it, the grant does not.
    assert_eq!(status(sandbox, &grace, "/vault/combination.txt").await, 403);
    // CloudTrail names the person and the grant, and the administrator.
    let id = &issued.event.id;
    let arn = format!("arn:aws:sts::111122223333:assumed-role/Granted/grace@example.com+{id}");
    assert_eq!(opened.header.session, arn);
    assert_eq!(opened.session.answer.source_identity.as_deref(), Some("ada@example.com"));
    assert_eq!(opened.session.answer.credentials.expiration.to_string(), "2026-11-25T14:40:00Z");
    office.advance(41);
    assert_ne!(status(sandbox, &grace, README).await, 200);
    let error = office.opener("grace@example.com").open(&issued.sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantEnded);
    assert!(error.hint().unwrap().contains("ada@example.com"), "{error}");
}

#[tokio::test]
async fn a_grant_opens_however_a_mail_broke_its_lines() {
    let office = Office::open();
    let spec = office.session_for_grace(40).reason("OPS-123: count the objects  before the migration");
    let sealed = office.grants().issue(&spec).await.unwrap().sealed;
    for width in 36..140 {
        let folded: Vec<String> = sealed
            .lines()
            .flat_map(|line| line.as_bytes().chunks(width).map(|part| String::from_utf8(part.to_vec()).unwrap()))
            .collect();
        for quoted in [folded.join("\n"), folded.iter().map(|line| format!("> {line}\r\n")).collect()] {
            let opened = office.opener("grace@example.com").open(&format!("Dear Grace,\n{quoted}\n")).await;
            assert!(opened.is_ok(), "{width}: {opened:?}");
        }
    }
}

#[tokio::test]
async fn a_plan_gives_no_second_grant() {
    let office = Office::open();
    let grants = office.grants();
    let (first, second) = (office.session_for_grace(40), office.session_for_grace(40));
    let plan = grants.plan_issue(&first).await.unwrap();
    grants.issue(&second).await.unwrap();
    let error = grants.carry_out(plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantRefused, "{error}");
    assert!(error.message().contains("already has grant"), "{error}");
}

#[tokio::test]
async fn a_grant_of_five_minutes_ends_after_five_minutes() {
    let office = Office::open();
    let issued = office.grants().issue(&office.session_for_grace(5)).await.unwrap();
    assert_eq!(issued.event.until.to_string(), "2026-11-25T14:05:00Z");
    let opened = office.opener("grace@example.com").open(&issued.sealed).await.unwrap();
    let grace = Credentials::from(&opened.session);
    office.advance(4);
    assert_eq!(status(&office.sandbox, &grace, README).await, 200);
    office.advance(1);
    // The keys of STS count for ten minutes more; the session policy ends them.
    assert_eq!(status(&office.sandbox, &grace, README).await, 403);
}

#[tokio::test]
async fn a_revocation_ends_one_grant_and_its_extensions() {
    let office = Office::open();
    let (grants, sandbox) = (office.grants(), &office.sandbox);
    let first = grants.issue(&office.session_for_grace(30)).await.unwrap();
    let key = office.key("eve@example.com").public_key().parse().unwrap();
    let other = GrantSpec::to("eve@example.com").role(GRANTED).duration("30m".parse().unwrap()).seal_to(key);
    let sibling = grants.issue(&other.reason("OPS-7")).await.unwrap();
    office.advance(5);
    let extended = grants.extend(&first.event.id, "20m".parse().unwrap(), "OPS-123 again").await.unwrap();
    assert_eq!(extended.event.until.to_string(), "2026-11-25T14:50:00Z");
    let open =
        async |name: &str, sealed: &str| Credentials::from(&office.opener(name).open(sealed).await.unwrap().session);
    let sessions = [
        open("grace@example.com", &first.sealed).await,
        open("grace@example.com", &extended.sealed).await,
        open("eve@example.com", &sibling.sealed).await,
    ];
    let statuses = async || {
        let mut statuses = Vec::new();
        for session in &sessions {
            statuses.push(status(sandbox, session, README).await);
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200]);
    grants.revoke(&first.event.id, "done early").await.unwrap();
    assert_eq!(statuses().await, [403, 403, 200]);
    // A second revocation changes nothing; an extension is refused.
    let error = grants.extend(&first.event.id, "5m".parse().unwrap(), "more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantEnded);
    let undo = grants.plan_restore(std::slice::from_ref(&first.event.id), "was a mistake").await.unwrap();
    grants.carry_out_revocation(&undo).await.unwrap();
    assert_eq!(statuses().await, [200, 200, 200]);
    let history = grants.show(&first.event.id).await.unwrap();
    assert!(history.defects().is_empty(), "{:?}", history.defects());
    let events: Vec<_> = history.events().map(|event| event.event).collect();
    assert_eq!(events, [EventKind::Issued, EventKind::Extended, EventKind::Revoked, EventKind::Restored]);
}

#[tokio::test]
async fn everything_of_an_administrator_and_everything_older_is_revoked() {
    let office = Office::open();
    let (grants, sandbox) = (office.grants(), &office.sandbox);
    let issued = grants.issue(&office.session_for_grace(30)).await.unwrap();
    let session = Credentials::from(&office.opener("grace@example.com").open(&issued.sealed).await.unwrap().session);
    let by = grants
        .plan_revoke(&RevocationTarget::Administrator("ada@example.com".to_owned()), "left the company")
        .await
        .unwrap();
    // One deny of the grant, and one of all that the administrator gave by that role.
    assert_eq!(by.steps.len(), 2);
    grants.carry_out_revocation(&by).await.unwrap();
    assert_eq!(status(sandbox, &session, README).await, 403);
    office.advance(1);
    let older = RevocationTarget::OlderSessions { role: "Granted".to_owned() };
    let older = grants.plan_revoke(&older, "incident").await.unwrap();
    grants.carry_out_revocation(&older).await.unwrap();
    let error = grants.plan_revoke(&RevocationTarget::Person("alan@example.com".to_owned()), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantNotFound);
    // The policies are removed once no session can be older.
    assert!(grants.plan_clean(&[]).await.unwrap().is_empty());
    office.advance(13 * 60);
    let found = grants.plan_clean(&[]).await.unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    grants.clean(&found).await.unwrap();
    assert!(grants.plan_clean(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_policy_grant_works_on_credentials_that_the_person_has() {
    let office = Office::open();
    let (grants, sandbox) = (office.grants(), &office.sandbox);
    let session = async |login: &str| Credentials::from(&office.access(login, PEOPLE).credentials().await.unwrap());
    let (grace, ada) = (session("grace@example.com").await, session("ada@example.com").await);
    assert_eq!(status(sandbox, &grace, README).await, 403);
    let spec = office.ledger_for_grace(10).role("People");
    let permitted = grants.permit(&spec).await.unwrap();
    assert!(permitted.sealed.is_empty());
    assert_eq!((status(sandbox, &grace, README).await, status(sandbox, &ada, README).await), (200, 403));
    // One grant of this kind at a time; it is extended in place.
    assert_eq!(grants.permit(&spec).await.unwrap_err().kind(), ErrorKind::GrantRefused);
    office.advance(9);
    grants.extend(&permitted.event.id, "10m".parse().unwrap(), "OPS-123").await.unwrap();
    office.advance(5);
    assert_eq!(status(sandbox, &grace, README).await, 200);
    grants.revoke(&permitted.event.id, "done").await.unwrap();
    assert_eq!(status(sandbox, &grace, README).await, 403);
    let undo = grants.plan_restore(std::slice::from_ref(&permitted.event.id), "not done").await.unwrap();
    grants.carry_out_revocation(&undo).await.unwrap();
    assert_eq!(status(sandbox, &grace, README).await, 200);
    office.advance(6);
    // Nothing of ours runs: the date has passed.
    assert_eq!(status(sandbox, &grace, README).await, 403);
    let found = grants.check(&[]).await.unwrap();
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    office.advance(20);
    let cleaned = grants.plan_clean(&[]).await.unwrap();
    grants.clean(&cleaned).await.unwrap();
    let history = grants.show(&permitted.event.id).await.unwrap();
    assert_eq!((history.last().event, history.state(office.now())), (EventKind::Ended, GrantState::Ended));
    assert!(history.defects().is_empty(), "{:?}", history.defects());
}

#[tokio::test]
async fn what_a_grant_must_not_give_is_refused_before_anything_happens() {
    let office = Office::open();
    let grants = office.grants();
    let kind = async |spec: GrantSpec| grants.permit(&spec).await.unwrap_err().kind();
    let people = || office.ledger_for_grace(10).role("People");
    let all = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    assert_eq!(kind(people().policy(all.parse().unwrap())).await, ErrorKind::GrantUnsafe);
    // Others choose the session names of this role.
    assert_eq!(kind(office.ledger_for_grace(10).role("Granted")).await, ErrorKind::GrantUnsafe);
    assert_eq!(kind(office.ledger_for_grace(10).role("AccessAdmin")).await, ErrorKind::GrantUnsafe);
    assert_eq!(kind(office.ledger_for_grace(10).role("Nobody")).await, ErrorKind::GrantNotFound);
    assert_eq!(kind(people().reason("")).await, ErrorKind::InvalidArgument);
    let dated = r#"{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}"#;
    assert_eq!(kind(people().policy(dated.parse().unwrap())).await, ErrorKind::InvalidScope);
    let kind = async |spec: GrantSpec| grants.issue(&spec).await.unwrap_err().kind();
    assert_eq!(kind(office.session_for_grace(61)).await, ErrorKind::InvalidScope);
    assert_eq!(kind(office.ledger_for_grace(10).role(GRANTED)).await, ErrorKind::InvalidRecipient);
    let reserved =
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";
    assert_eq!(kind(office.session_for_grace(10).role(reserved)).await, ErrorKind::IamRefused);
    // Nothing was recorded, and no role has a policy of ours.
    assert!(grants.list(&GrantFilter::all()).await.unwrap().grants.is_empty());
    assert!(grants.check(&["*".to_owned()]).await.unwrap().findings.is_empty());
    // STS refuses a role that does not trust the administrator, with what it needs.
    let error = grants.issue(&office.session_for_grace(20).role("ReadOnly")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.hint().unwrap().contains("sts:TagSession"), "{error:?}");
}

#[tokio::test]
async fn a_full_role_takes_no_further_grant_and_says_what_to_do() {
    let office = Office::open();
    let grants = office.grants();
    let filler = format!(r#"{{"Version":"2012-10-17","Statement":[],"Id":"{}"}}"#, "x".repeat(9_900));
    office.sandbox.iam().put_role_policy(PEOPLE, "filler", &filler);
    let error = grants.permit(&office.ledger_for_grace(10).role("People")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IamLimit);
    assert!(error.hint().unwrap().contains("grant clean"), "{error:?}");
    // The record says that it was not given.
    let listing = grants.list(&GrantFilter::all()).await.unwrap();
    assert_eq!(listing.grants[0].state, Some(GrantState::Withdrawn));
    let id = &listing.grants[0].id;
    let error = grants.plan_restore(std::slice::from_ref(id), "OPS-1").await.unwrap_err();
    assert!(error.message().contains("is not revoked"), "{error}");
    // Nobody had access by it.
    let found = grants.histories(&GrantFilter::all()).await.unwrap();
    let page = Report::new(&found, office.now()).html().unwrap();
    assert!(page.contains(r#""state":"withdrawn""#) && page.contains(r#""spans":[]"#));
    let room = grants.check(&["People".to_owned()]).await.unwrap().roles.remove(0);
    assert!(room.left < 300, "{room:?}");
}

#[tokio::test]
async fn only_what_a_trusted_administrator_signed_is_opened() {
    let office = Office::open();
    let issued = office.grants().issue(&office.session_for_grace(40)).await.unwrap();
    let sealed = issued.sealed.as_str();
    let kind =
        async |opener: tempaccess_core::grants::GrantOpener, text: &str| opener.open(text).await.unwrap_err().kind();
    let grace = || office.opener("grace@example.com");
    // Sealed to somebody else.
    assert_eq!(kind(office.opener("eve@example.com"), sealed).await, ErrorKind::GrantNotForYou);
    // Changed after it was signed.
    assert_eq!(kind(grace(), &sealed.replace("OPS-123", "OPS-124")).await, ErrorKind::GrantNotGenuine);
    // The header of one grant with the credentials of another.
    let other = office.grants().issue(&office.session_for_grace(20).role("ReadOnly")).await;
    assert!(other.is_err());
    let swapped = {
        let key = office.key("grace@example.com").public_key().parse().unwrap();
        let spec = GrantSpec::to("alan@example.com").role(GRANTED).duration("20m".parse().unwrap()).seal_to(key);
        let second = office.grants().issue(&spec.reason("OPS-9")).await.unwrap().sealed;
        let (header, _) = sealed.split_once("-----BEGIN AGE").unwrap();
        let (_, rest) = second.split_once("-----BEGIN AGE").unwrap();
        let (file, _) = rest.split_once("-----BEGIN SSH").unwrap();
        let (_, signature) = sealed.split_once("-----BEGIN SSH").unwrap();
        format!("{header}-----BEGIN AGE{file}-----BEGIN SSH{signature}")
    };
    assert_eq!(kind(grace(), &swapped).await, ErrorKind::GrantNotGenuine);
    // Signed by somebody who is not trusted, or by a key for something else.
    let nobody = SealedGrant::parse(sealed).unwrap().verify(&Signers::default(), office.now());
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::GrantNotGenuine);
    let line = format!("ada@example.com namespaces=\"git\" {}", office.key("ada@example.com").public_key());
    let wrong = SealedGrant::parse(sealed).unwrap().verify(&Signers::parse(&line).unwrap(), office.now());
    assert!(wrong.unwrap_err().message().contains("namespace"));
    // An account that the person does not know.
    let stranger = tempaccess_core::grants::GrantOpener::new(office.signers(), std::sync::Arc::new(office.exchange()))
        .key(office.key("grace@example.com"))
        .clock(std::sync::Arc::new(office.clock.clone()));
    assert_eq!(kind(stranger, sealed).await, ErrorKind::GrantElsewhere);
    // As a mail and a ticket carry it.
    let quoted: String = sealed.lines().map(|line| format!("> {line}\r\n")).collect();
    assert!(grace().open(&format!("Hello Grace,\r\n{quoted}\r\nregards")).await.is_ok());
    let wrapped = sealed.replacen("\"reason\"", "\n\"reason\"", 1);
    assert!(grace().open(&wrapped).await.is_ok());
}

#[tokio::test]
async fn an_older_copy_is_refused_once_a_newer_one_is_known() {
    let office = Office::open();
    let grants = office.grants();
    let first = grants.issue(&office.session_for_grace(30)).await.unwrap();
    let extended = grants.extend(&first.event.id, "20m".parse().unwrap(), "OPS-123").await.unwrap();
    let store = std::sync::Arc::new(tempaccess_core::store::MemoryStore::new());
    let opener = || office.opener("grace@example.com").store(store.clone());
    opener().open(&extended.sealed).await.unwrap();
    opener().open(&extended.sealed).await.unwrap();
    assert_eq!(opener().open(&first.sealed).await.unwrap_err().kind(), ErrorKind::GrantEnded);
}

#[tokio::test]
async fn records_show_what_was_changed_and_what_iam_lacks() {
    let office = Office::open();
    let grants = office.grants();
    let permitted = grants.permit(&office.ledger_for_grace(60).role("People")).await.unwrap();
    let id = permitted.event.id.clone();
    // Somebody changes the policy by hand.
    let name = format!("tempaccess-grant-{id}");
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    office.sandbox.iam().put_role_policy(PEOPLE, &name, wide);
    let problems = async || {
        let found = grants.check(&["People".to_owned()]).await.unwrap().findings;
        found.into_iter().map(|finding| finding.problem).collect::<Vec<_>>()
    };
    assert_eq!(problems().await, [format!("the policy `{name}` is not the one that the records have")]);
    assert_eq!(grants.extend(&id, "5m".parse().unwrap(), "x").await.unwrap_err().kind(), ErrorKind::GrantChanged);
    office.sandbox.iam().delete_role_policy(PEOPLE, &name);
    assert_eq!(problems().await, [format!("IAM has no policy `{name}`: the person has no access")]);
    office.sandbox.iam().put_role_policy(PEOPLE, "tempaccess-grant-abcdefghjkmn", wide);
    assert_eq!(problems().await.len(), 2);
    // Somebody changes a record.
    let file = office.folder.path().join("records").join(id.as_str()).join("0001.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("OPS-123", "OPS-666")).unwrap();
    let history = grants.show(&id).await.unwrap();
    assert_eq!(history.defects(), ["event 1: the signature does not match: the text was changed after it was signed"]);
    assert_eq!(grants.extend(&id, "5m".parse().unwrap(), "x").await.unwrap_err().kind(), ErrorKind::GrantNotGenuine);
}

#[tokio::test]
async fn of_twenty_administrators_who_change_one_grant_each_is_recorded_or_told() {
    let office = Office::open();
    let permitted = office.grants().permit(&office.ledger_for_grace(60).role("People")).await.unwrap();
    let id = permitted.event.id;
    let office = std::sync::Arc::new(office);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (office, id) = (std::sync::Arc::clone(&office), id.clone());
        tasks.spawn(async move {
            office
                .grants()
                .extend(&id, "1m".parse().unwrap(), &format!("OPS-{number}"))
                .await
                .map(|given| given.event.seq)
        });
    }
    let results = tasks.join_all().await;
    let mut numbers: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    numbers.sort();
    let count = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "two administrators wrote one event");
    assert!(count >= 1);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::GrantChanged, "{error}");
    }
    let history = office.grants().show(&id).await.unwrap();
    assert!(history.defects().is_empty(), "{:?}", history.defects());
}
