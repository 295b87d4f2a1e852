//! Records of many grants, signed and chained as this program writes them, without anybody who gives them: for reports and
//! benchmarks, which need more grants than a test can give.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempaccess_core::Result;
use tempaccess_core::grants::GrantId;
use tempaccess_core::records::Records;
use tempaccess_core::seal::{Namespace, Signer};

/// The end of the year that the grants are spread over.
pub const NOW: &str = "2026-11-25T14:00:00Z";
/// The name that signs every event.
pub const SIGNED_BY: &str = "ada@example.com";

const PEOPLE: [&str; 12] = [
    "grace",
    "alan",
    "edsger",
    "barbara",
    "donald",
    "frances",
    "ken",
    "margaret",
    "tony",
    "radia",
    "john",
    "katherine",
];
const ROLES: [&str; 6] = [
    "111122223333:role/Granted",
    "111122223333:role/People",
    "222233334444:role/Deploy",
    "222233334444:role/ReadOnly",
    "333344445555:role/Migration",
    "333344445555:role/data/Analyst",
];
const ACTIONS: [(&str, &str); 4] = [
    ("s3:GetObject", "arn:aws:s3:::ledger/*"),
    ("dynamodb:Query", "arn:aws:dynamodb:*:*:table/orders"),
    ("ecs:UpdateService", "*"),
    ("rds:CreateDBSnapshot", "*"),
];
const WHY: [&str; 5] = ["count objects", "failed payout", "restore a backup", "slow query", "release 4.2"];

/// Records in memory.
#[derive(Debug, Default)]
pub struct Register {
    grants: BTreeMap<GrantId, Vec<(u32, Vec<u8>)>>,
}

impl Register {
    /// Signs the records of this many grants, spread over the year before [`NOW`].
    pub async fn of(count: usize, signer: &dyn Signer) -> Self {
        let mut register = Self::default();
        let now: Timestamp = NOW.parse().unwrap_or_default();
        for number in 0..count {
            let mut random = Random(number as u64 + 1);
            // Most of them lately.
            let age = random.below(1_000) * random.below(1_000) * 525_600 / 1_000_000;
            let at = now - SignedDuration::from_mins(i64::try_from(age).unwrap_or_default());
            register.give(number, at, now, &mut random, signer).await;
        }
        register
    }

    async fn give(&mut self, number: usize, at: Timestamp, now: Timestamp, random: &mut Random, signer: &dyn Signer) {
        let Ok(id) = id(number).parse::<GrantId>() else { return };
        let minutes = [15, 30, 40, 60, 240, 480][random.below(6)];
        let after = |minutes: usize| at + SignedDuration::from_mins(i64::try_from(minutes).unwrap_or_default());
        let (action, resource) = ACTIONS[random.below(ACTIONS.len())];
        let policy =
            json!({ "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] }).to_string();
        let is_session = random.below(3) == 0;
        let to = format!("{}@example.com", PEOPLE[random.below(PEOPLE.len())]);
        let mut fields = json!({
            "version": 1, "id": id, "how": if is_session { "session" } else { "policy" }, "to": to, "by": SIGNED_BY,
            "by_arn": "arn:aws:sts::111122223333:assumed-role/AccessAdmin/ada@example.com",
            "role_arn": format!("arn:aws:iam::{}", ROLES[random.below(ROLES.len())]), "policy": policy,
            "from": at, "until": after(minutes), "at": at,
            "reason": format!("OPS-{} {}", 1_000 + number % 900, WHY[random.below(WHY.len())]),
        });
        let mut steps: Vec<(&str, usize, Value)> = Vec::new();
        match random.below(20) {
            0 => steps.push(("requested", 0, json!({}))),
            1 => steps.extend([
                ("requested", 0, json!({})),
                ("denied", 5, json!({ "reason": "ask the owner of the role first" })),
            ]),
            kind => {
                if kind < 9 {
                    steps.push(("requested", 0, json!({})));
                    steps.push(("approved", 3, json!({})));
                }
                let begin = if kind < 9 { 5 } else { 0 };
                let given = json!({ "from": after(begin), "until": after(begin + minutes) });
                steps.push((if is_session { "issued" } else { "permitted" }, begin, given));
                if kind % 4 == 0 {
                    let reason = format!("OPS-{} takes longer", 1_000 + number % 900);
                    steps.push((
                        "extended",
                        begin + minutes * 3 / 4,
                        json!({ "until": after(begin + minutes * 3 / 2), "reason": reason }),
                    ));
                } else if kind % 9 == 5 {
                    steps.push(("revoked", begin + minutes / 2, json!({ "reason": "done early" })));
                }
            }
        }
        let mut previous: Option<Vec<u8>> = None;
        for (seq, (event, later, changes)) in (1_u32..).zip(steps) {
            if after(later) > now {
                break;
            }
            let Some(fields) = fields.as_object_mut() else { return };
            fields.extend(changes.as_object().cloned().unwrap_or_default());
            fields.insert("at".to_owned(), json!(after(later)));
            fields.insert("event".to_owned(), event.into());
            fields.insert("seq".to_owned(), seq.into());
            if let Some(file) = &previous {
                fields.insert("prev".to_owned(), hex(&Sha256::digest(file)).into());
            }
            let text = Value::Object(fields.clone()).to_string();
            let Ok(signature) = signer.sign(Namespace::Grant, text.as_bytes()).await else { return };
            let file = format!("{},\"signature\":{}}}\n", text.trim_end_matches('}'), Value::String(signature));
            // The policy is text, so that the last brace is the record's own.
            self.grants.entry(id.clone()).or_default().push((seq, file.clone().into_bytes()));
            previous = Some(file.into_bytes());
        }
    }
}

#[async_trait]
impl Records for Register {
    fn describe(&self) -> String {
        "s3://acme-access/grants".to_owned()
    }

    async fn create(&self, _: &GrantId, _: u32, _: Vec<u8>) -> Result<()> {
        Ok(())
    }

    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(self.grants.get(id).cloned().unwrap_or_default())
    }

    async fn ids(&self) -> Result<Vec<GrantId>> {
        Ok(self.grants.keys().cloned().collect())
    }
}

/// The id of a grant: its number in the letters of ids.
fn id(number: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut random = Random(number as u64 + 7);
    let mut letters: Vec<char> = (0..8).map(|_| char::from(LETTERS[random.below(LETTERS.len())])).collect();
    let mut rest = number;
    for _ in 0..4 {
        letters.push(char::from(LETTERS[rest % LETTERS.len()]));
        rest /= LETTERS.len();
    }
    letters.into_iter().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Numbers that look random and are the same at every run (xorshift).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        for _ in 0..3 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
        }
        usize::try_from((self.0 >> 11) % limit.max(1) as u64).unwrap_or_default()
    }
}
