//! The account of the sandbox as `tempaccess setup` describes it, and a world that has it.

use serde_json::{Value, json};
use tempaccess_core::setup::{Ceiling, GrantSetup, RecordsPlace, TemplateForm, render};
use tempaccess_sandbox::World;

use crate::office::{ADMIN, GRANTED, PEOPLE};

/// The account.
pub const ACCOUNT: &str = "111122223333";
/// The SAML provider of the account.
pub const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/Okta";

/// Returns the most that people's roles may get: the ledger.
pub fn ceiling() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Find", "Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "s3:GetBucketLocation"], "Resource": "*"},
        {"Sid": "Ledger", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"],
         "Resource": ["arn:aws:s3:::ledger", "arn:aws:s3:::ledger/*"]},
    ]})
}

/// Returns the setup of the account of the sandbox.
pub fn setup() -> GrantSetup {
    let mut setup = GrantSetup::new("aws", ACCOUNT).expect("a valid setup");
    setup.admins = vec![ADMIN.parse().expect("a valid setup")];
    setup.granted = vec![GRANTED.parse().expect("a valid setup")];
    setup.people = vec![PEOPLE.parse().expect("a valid setup")];
    setup.provider = Some(PROVIDER.parse().expect("a valid setup"));
    setup.ceiling = Ceiling::Document(ceiling());
    setup.granted_policy = Some(json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::*"},
    ]}));
    setup.records = Some(RecordsPlace::parse("s3://acme-access/grants").expect("a valid setup"));
    setup
}

/// Returns the account as plain JSON describes it.
pub fn emitted(setup: &GrantSetup) -> Value {
    serde_json::from_str(&render(&setup.model().expect("a valid setup"), TemplateForm::Json)).expect("a valid setup")
}

/// Returns a world with the roles, policies and buckets of a JSON template in place of its own.
pub fn world(template: &Value) -> World {
    let mut world = World::demo();
    let has =
        |kind: &str, arn: &str| template[kind].as_array().expect("a valid setup").iter().any(|part| part["arn"] == arn);
    world.roles.retain(|role| !has("roles", &role.arn));
    world.policies.retain(|policy| !has("policies", &policy.arn));
    for policy in template["policies"].as_array().expect("a valid setup") {
        let document = policy["document"].to_string();
        world
            .policies
            .push(serde_json::from_value(json!({"arn": policy["arn"], "document": document})).expect("a valid setup"));
    }
    for role in template["roles"].as_array().expect("a valid setup") {
        let role = json!({
            "arn": role["arn"],
            "max_session_duration": role["max_session_duration"],
            "trust": role["trust"].to_string(),
            "boundary": role["boundary"],
            "attached": role["attached"],
        });
        world.roles.push(serde_json::from_value(role).expect("a valid setup"));
    }
    for bucket in template["buckets"].as_array().expect("a valid setup") {
        let bucket = json!({"name": bucket["name"], "account": ACCOUNT, "object_lock": true});
        world.buckets.push(serde_json::from_value(bucket).expect("a valid setup"));
    }
    for (login, role) in [("ada@example.com", ADMIN), ("ada@example.com", PEOPLE), ("grace@example.com", PEOPLE)] {
        let roles = &mut world.user_mut(login).expect("a valid setup").roles;
        let offer = format!("{PROVIDER},{role}");
        if !roles.contains(&offer) {
            roles.push(offer);
        }
    }
    world
}
