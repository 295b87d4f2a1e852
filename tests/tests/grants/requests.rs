//! Requests, approvals and emergencies: who asked, who agreed, and what nobody can do alone.

use std::sync::Arc;

use jiff::SignedDuration;
use tempaccess_core::ErrorKind;
use tempaccess_core::config::Config;
use tempaccess_core::grants::{
    ApprovalInput, ApprovalLimits, GrantRequest, GrantRules, GrantSpec, Grants, RequestText, RevocationTarget,
};
use tempaccess_core::records::{EventKind, FolderRecords, GrantState};
use tempaccess_core::seal::{Namespace, Signer as _, Signers};
use tempaccess_tests::office::{ADMIN, Office};

const ADA: &str = "ada@example.com";
const ALAN: &str = "alan@example.com";
const GRACE: &str = "grace@example.com";

fn rules() -> GrantRules {
    let text = r#"
        [grants.presets.count]
        kind = "session"
        role = "Granted"
        policy = '{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}'
        max_duration = "1h"
        approvals = 2

        [grants.presets.read]
        kind = "session"
        role = "Granted"
        policy = '{"Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::ledger","arn:aws:s3:::ledger/*"]}]}'
        max_duration = "1h"
        from_ip = ["127.0.0.0/8"]
        approvals = 2

        [grants.presets.look]
        kind = "policy"
        role = "People"
        policy = '{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}'
        max_duration = "4h"
        approvals = 1
        break_glass = true
    "#;
    GrantRules::new(&Config::parse(text).unwrap().grants).unwrap()
}

async fn request(office: &Office, who: &str, preset: &str, minutes: i64) -> RequestText {
    let key = office.key(who).public_key().parse().unwrap();
    let keys = if preset == "look" { Vec::new() } else { vec![key] };
    let duration = SignedDuration::from_mins(minutes);
    let request = GrantRequest::new(who, preset, duration, "OPS-5", &keys, office.now()).unwrap();
    request.sign(&office.signer(who)).await.unwrap()
}

/// The text as the next person finds it in the ticket.
fn through_a_ticket(text: &RequestText) -> RequestText {
    // Its lines are broken, and quoted.
    let lines = text.to_text();
    let parts = lines.lines().flat_map(|line| line.as_bytes().chunks(61));
    let quoted: String = parts.map(|part| format!("> {}\r\n", String::from_utf8(part.to_vec()).unwrap())).collect();
    RequestText::parse(&format!("Dear all,\r\n\r\n{quoted}\r\nthank you")).unwrap()
}

#[tokio::test]
async fn two_people_agree_and_the_second_gives_it() {
    let office = Office::open();
    let (ada, alan) = (office.grants_of(ADA, rules()), office.grants_of(ALAN, rules()));
    let asked = through_a_ticket(&request(&office, GRACE, "count", 40).await);
    let alone = ada.plan_approve(&asked, &ApprovalLimits::default()).await.unwrap_err();
    assert_eq!((alone.kind(), alone.message()), (ErrorKind::GrantRefused, "the preset `count` needs 1 more approval"));
    let agreed = through_a_ticket(&ada.sign_approval(&asked, &SignedDuration::from_mins(30).into()).await.unwrap());
    // What one has agreed to, nobody extends.
    let longer = alan.plan_approve(&agreed, &SignedDuration::from_mins(40).into()).await.unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::GrantRefused);
    let plan = alan.plan_approve(&agreed, &ApprovalLimits::default()).await.unwrap();
    assert_eq!(plan.summary().approved_by, [ADA, ALAN]);
    let given = alan.carry_out(plan).await.unwrap();
    assert_eq!((&given.event.id, given.event.until.to_string()), (&asked.id(), "2026-11-25T14:30:00Z".to_owned()));
    assert!(office.opener(GRACE).open(&given.sealed).await.is_ok());
    let history = ada.show(&given.event.id).await.unwrap();
    assert!(history.defects().is_empty(), "{:?}", history.defects());
    // It is granted once.
    for again in [
        alan.plan_approve(&agreed, &ApprovalLimits::default()).await,
        ada.plan_approve(&agreed, &ApprovalLimits::default()).await,
    ] {
        assert_eq!(again.unwrap_err().kind(), ErrorKind::GrantChanged);
    }
    assert_eq!(ada.deny(&agreed, "too late").await.unwrap_err().kind(), ErrorKind::GrantChanged);
}

#[tokio::test]
async fn what_was_approved_is_given_within_every_approval() {
    let office = Office::open();
    let (ada, alan) = (office.grants_of(ADA, rules()), office.grants_of(ALAN, rules()));
    let asked = request(&office, GRACE, "read", 40).await;
    let limits = |policy: &str, network: &str| {
        let mut input = ApprovalInput::default();
        input.policy = (!policy.is_empty()).then(|| policy.to_owned());
        input.from_ip = (!network.is_empty()).then(|| network.to_owned()).into_iter().collect();
        input.into_limits().unwrap()
    };
    let list = r#"{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#;
    let everything = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::ledger"}]}"#;
    // More than the preset allows is not signed.
    for (wider, why) in [
        (limits(everything, ""), "the preset `read` does not allow all that the policy allows"),
        (limits("", "10.0.0.0/8"), "the preset `read` does not allow the network `10.0.0.0/8`"),
        (limits("", "10.0.0.0/99"), "invalid network `10.0.0.0/99`"),
    ] {
        assert_eq!(ada.sign_approval(&asked, &wider).await.unwrap_err().message(), why);
    }
    let agreed = through_a_ticket(&ada.sign_approval(&asked, &limits(list, "127.0.0.0/24")).await.unwrap());
    let verified = agreed.verify(&office.signers(), office.now()).unwrap();
    assert_eq!((verified.narrowed[0].by.as_str(), verified.narrowed[0].policy.as_deref()), (ADA, Some(list)));
    // The next person sees it, and neither signs nor gives more.
    let plan = alan.plan_approval(&agreed, &ApprovalLimits::default()).await.unwrap();
    assert_eq!((plan.policy.as_deref(), plan.from_ip), (Some(list), vec!["127.0.0.0/24".to_owned()]));
    let both = r#"{"Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":"arn:aws:s3:::ledger"}]}"#;
    for (wider, why) in [
        (limits(both, ""), "`ada@example.com` did not approve all that the policy allows"),
        (limits("", "127.0.0.0/8"), "`ada@example.com` did not approve the network `127.0.0.0/8`"),
    ] {
        assert_eq!(alan.sign_approval(&agreed, &wider).await.unwrap_err().message(), why);
        assert_eq!(alan.plan_approve(&agreed, &wider).await.unwrap_err().message(), why);
    }
    let plan = alan.plan_approve(&agreed, &limits("", "127.0.0.1/32")).await.unwrap();
    let given = alan.carry_out(plan).await.unwrap();
    assert_eq!((given.event.policy.as_deref(), &*given.event.from_ip), (Some(list), &["127.0.0.1/32".to_owned()][..]));
    let history = ada.show(&given.event.id).await.unwrap();
    assert!(history.defects().is_empty(), "{:?}", history.defects());
    // Another program than this one may give more, with Alan's key: the records show it, and access can be ended.
    let mut event = serde_json::to_value(&given.event).unwrap();
    event.as_object_mut().unwrap().remove("signature");
    (event["until"], event["from_ip"], event["policy"]) =
        ("2026-11-25T18:00:00Z".into(), serde_json::json!([]), everything.into());
    let text = event.to_string();
    let signature = office.signer(ALAN).sign(Namespace::Grant, text.as_bytes()).await.unwrap();
    let signed =
        format!("{},\"signature\":{}}}\n", text.strip_suffix('}').unwrap(), serde_json::Value::from(signature));
    let file = office.folder.path().join("records").join(given.event.id.as_str()).join("0001.json");
    std::fs::write(file, signed).unwrap();
    let history = ada.show(&given.event.id).await.unwrap();
    let expected = [
        "event 1: it gives access for 4h, and 40m was approved",
        "event 1: it gives access from networks that `ada@example.com` did not approve",
        "event 1: it allows more than `ada@example.com` approved",
        "event 1: it gives access from networks that `alan@example.com` did not approve",
    ];
    assert_eq!(history.defects(), expected);
    let target = RevocationTarget::Grants(vec![given.event.id.clone()]);
    let plan = ada.plan_revoke(&target, "more than approved").await.unwrap();
    assert_eq!(plan.steps.len(), 1, "{plan:?}");
}

#[tokio::test]
async fn nobody_approves_their_own_request_or_twice() {
    let office = Office::open();
    let (ada, alan) = (office.grants_of(ADA, rules()), office.grants_of(ALAN, rules()));
    let own = request(&office, ADA, "count", 10).await;
    assert_eq!(ada.sign_approval(&own, &ApprovalLimits::default()).await.unwrap_err().kind(), ErrorKind::GrantRefused);
    assert_eq!(ada.plan_approve(&own, &ApprovalLimits::default()).await.unwrap_err().kind(), ErrorKind::GrantRefused);
    let asked = request(&office, GRACE, "count", 10).await;
    let once = ada.sign_approval(&asked, &ApprovalLimits::default()).await.unwrap();
    assert_eq!(ada.sign_approval(&once, &ApprovalLimits::default()).await.unwrap_err().kind(), ErrorKind::GrantRefused);
    // An approval that is copied counts once, and one of another request does not count.
    let text = once.to_text();
    let (request_block, approval) = text.split_once("-----END SSH SIGNATURE-----\n").unwrap();
    let twice = RequestText::parse(&format!("{text}{approval}")).unwrap();
    assert_eq!(
        alan.plan_approve(&twice, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantRefused
    );
    let other = request(&office, GRACE, "count", 60).await.to_text();
    let moved = RequestText::parse(&format!("{other}{approval}")).unwrap();
    assert_eq!(
        alan.plan_approve(&moved, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantNotGenuine
    );
    // A changed request, and one by somebody who may not ask.
    let changed =
        RequestText::parse(&format!("{}-----END SSH SIGNATURE-----", request_block.replace("600", "900"))).unwrap();
    assert_eq!(
        alan.sign_approval(&changed, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantNotGenuine
    );
    let stranger = request(&office, "eve@example.com", "count", 10).await;
    assert_eq!(
        alan.sign_approval(&stranger, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantNotGenuine
    );
    // What could act on a terminal, signed by somebody who may ask.
    let hostile = GrantRequest::new(GRACE, "look", SignedDuration::from_mins(10), "OPS-1 \u{9b}31m", &[], office.now());
    let hostile = hostile.unwrap().sign(&office.signer(GRACE)).await.unwrap();
    let error = alan.sign_approval(&hostile, &ApprovalLimits::default()).await.unwrap_err();
    assert!(error.message().contains("characters that cannot be shown"), "{error}");
    // A request that is a week old.
    office.advance(8 * 24 * 60);
    assert_eq!(
        alan.sign_approval(&asked, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantRefused
    );
}

#[tokio::test]
async fn a_denied_request_stays_denied() {
    let office = Office::open();
    let (ada, alan) = (office.grants_of(ADA, rules()), office.grants_of(ALAN, rules()));
    let asked = request(&office, GRACE, "look", 10).await;
    let denied = ada.deny(&asked, "not needed").await.unwrap();
    let history = ada.show(&denied.id).await.unwrap();
    assert_eq!((history.state(office.now()), history.defects().len()), (GrantState::Denied, 0));
    assert_eq!(
        alan.plan_approve(&asked, &ApprovalLimits::default()).await.unwrap_err().kind(),
        ErrorKind::GrantChanged
    );
}

#[tokio::test]
async fn an_emergency_is_marked_until_somebody_else_reviews_it() {
    let office = Office::open();
    let (ada, alan) = (office.grants_of(ADA, rules()), office.grants_of(ALAN, rules()));
    // A preset without break glass needs its approvals.
    let key = office.key(GRACE).public_key().parse().unwrap();
    let count = GrantSpec::to(GRACE).preset("count").seal_to(key).reason("OPS-6");
    assert_eq!(ada.issue(&count).await.unwrap_err().kind(), ErrorKind::GrantRefused);
    let plan = ada.plan_permit(&GrantSpec::to(GRACE).preset("look").reason("it burns")).await.unwrap();
    assert!(plan.summary().break_glass);
    let given = ada.carry_out(plan).await.unwrap();
    assert!(given.event.break_glass);
    office.advance(10 * 60);
    // It has ended, and is still listed.
    let listing = alan.list(&Default::default()).await.unwrap();
    assert!(listing.grants[0].problems[0].contains("nobody has reviewed it"), "{listing:?}");
    assert_eq!(ada.review(&given.event.id, "fine").await.unwrap_err().kind(), ErrorKind::GrantRefused);
    // One person with two names has one key.
    let own = Signers::line(ALAN, &office.key(ADA).public_key(), Namespace::Grant).unwrap();
    let signers = office.signers().lines().iter().map(|line| format!("{line}\n")).collect::<String>();
    let signers = Signers::parse(&format!("{signers}{own}\n")).unwrap();
    let records = FolderRecords::new(office.folder.path().join("records"));
    let as_alan = Grants::builder(
        office.access(ALAN, ADMIN),
        Arc::new(office.iam()),
        Arc::new(records),
        Arc::new(office.signer(ADA)),
    );
    let as_alan = as_alan.signers(signers).clock(Arc::new(office.clock.clone())).build();
    let error = as_alan.review(&given.event.id, "fine").await.unwrap_err();
    assert!(error.message().contains("you cannot review a grant that you gave or got"), "{error}");
    alan.review(&given.event.id, "looked at CloudTrail: fine").await.unwrap();
    assert!(alan.list(&Default::default()).await.unwrap().grants.is_empty());
    let history = ada.show(&given.event.id).await.unwrap();
    assert_eq!((history.last().event, history.needs_review()), (EventKind::Reviewed, false));
    assert_eq!(alan.review(&given.event.id, "again").await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn an_approval_allows_less_than_the_preset_and_never_more() {
    let office = Office::open();
    let alan = office.grants_of(ALAN, rules());
    let asked = request(&office, GRACE, "look", 60).await;
    let limits = |policy: &str| {
        let mut limits = ApprovalInput::default();
        limits.policy = Some(policy.to_owned());
        limits.into_limits()
    };
    let list = |resource: &str, more: &str| {
        format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"{resource}"{more}}}]}}"#)
    };
    for wider in [
        list("arn:aws:s3:::*", ""),
        list("arn:aws:s3:::vault", ""),
        list("arn:aws:s3:::ledger", "").replace("s3:ListBucket", "s3:*"),
        list("arn:aws:s3:::ledger", "").replace("Action", "NotAction"),
    ] {
        let refused = alan.plan_approve(&asked, &limits(&wider).unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::GrantRefused, "{wider}");
        assert_eq!(refused.message(), "the preset `look` does not allow all that the policy allows");
    }
    let narrower = list("arn:aws:s3:::ledger", r#","Condition":{"StringLike":{"s3:prefix":"2026/*"}}"#);
    let plan = alan.plan_approve(&asked, &limits(&narrower).unwrap()).await.unwrap();
    assert!(plan.summary().policy.unwrap().contains("2026/*"));
    let given = alan.carry_out(plan).await.unwrap();
    assert!(alan.show(&given.event.id).await.unwrap().defects().is_empty());
    let written = office.sandbox.iam().role_policies("arn:aws:iam::111122223333:role/People");
    assert!(written.iter().any(|(_, document)| document.contains("2026/*")), "{written:?}");
}

/// The id is known to the person who asks before anybody decides.
#[tokio::test]
async fn what_nobody_signed_decides_no_request() {
    let office = Office::open();
    let alan = office.grants_of(ALAN, rules());
    let asked = request(&office, GRACE, "look", 10).await;
    let folder = office.folder.path().join("records").join(asked.id().as_str());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("9999.json"), "").unwrap();
    let plan = alan.plan_approve(&asked, &ApprovalLimits::default()).await.unwrap();
    let given = alan.carry_out(plan).await.unwrap();
    assert_eq!(alan.show(&given.event.id).await.unwrap().state(office.now()), GrantState::Live);
    assert_eq!(alan.deny(&asked, "too late").await.unwrap_err().kind(), ErrorKind::GrantChanged);
}
