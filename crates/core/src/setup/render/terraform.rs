//! Terraform and OpenTofu.

use serde_json::Value;

use super::SetupModel;
use super::hcl::{Item, heredoc, quoted, value, write};
use super::names::{Names, PartKind};
use crate::setup::model::{BucketPart, PolicyPart, RolePart};

/// Returns the file of a model.
pub(super) fn file(model: &SetupModel) -> String {
    let names = Names::new(model, |name, _| identifier(name));
    let writer = Writer { names };
    let aws = value(&serde_json::json!({"source": "hashicorp/aws", "version": ">= 5.0"}), 2, &quoted);
    let mut items = vec![
        Item::Comment(format!("{} Written by `tempaccess setup`.", model.description)),
        Item::block(
            "terraform",
            vec![
                Item::attribute("required_version", quoted(">= 1.3")),
                Item::block("required_providers", vec![Item::attribute("aws", aws)]),
            ],
        ),
    ];
    for provider in &model.providers {
        let attributes = vec![
            Item::attribute("name", quoted(&provider.name)),
            Item::attribute("saml_metadata_document", heredoc(&provider.metadata)),
        ];
        items.extend(writer.resource("aws_iam_saml_provider", &provider.arn, attributes));
    }
    for policy in &model.policies {
        items.extend(writer.policy(policy));
    }
    for role in &model.roles {
        items.extend(writer.role(role));
    }
    for bucket in &model.buckets {
        items.extend(writer.bucket(bucket));
    }
    write(&items, 0)
}

/// Makes an identifier of a name: `AccessAdmin` becomes `access_admin`.
fn identifier(name: &str) -> String {
    let mut id = String::new();
    let mut previous = '_';
    for character in name.chars() {
        if character.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            id.push('_');
        }
        id.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' });
        previous = character;
    }
    if id.starts_with(|first: char| first.is_ascii_digit()) { format!("_{id}") } else { id }
}

fn resource(kind: &str, name: &str, items: Vec<Item>) -> Item {
    Item::block(&format!("resource \"{kind}\" \"{name}\""), items)
}

struct Writer {
    names: Names,
}

impl Writer {
    fn resource(&self, kind: &str, arn: &str, items: Vec<Item>) -> Option<Item> {
        let (_, name) = self.names.get(arn)?;
        Some(resource(kind, name, items))
    }

    /// Writes a text, as a reference if it is the ARN of a part that this file creates.
    fn reference(&self, text: &str) -> String {
        match self.names.get(text) {
            Some((PartKind::Provider, name)) => format!("aws_iam_saml_provider.{name}.arn"),
            Some((PartKind::Policy, name)) => format!("aws_iam_policy.{name}.arn"),
            Some((PartKind::Role, name)) => format!("aws_iam_role.{name}.arn"),
            Some((PartKind::Bucket, name)) => format!("aws_s3_bucket.{name}.arn"),
            None => quoted(text),
        }
    }

    /// Writes a document whose texts are literal: a reference to a role that refers to the policy would be a circle.
    fn document(document: &Value) -> String {
        format!("jsonencode({})", value(document, 1, &quoted))
    }

    fn policy(&self, policy: &PolicyPart) -> Option<Item> {
        let attributes = vec![
            Item::attribute("name", quoted(&policy.name)),
            Item::attribute("description", quoted(&policy.description)),
            Item::attribute("policy", Self::document(&policy.document)),
        ];
        self.resource("aws_iam_policy", &policy.arn, attributes)
    }

    fn role(&self, role: &RolePart) -> Vec<Item> {
        let mut items = Vec::new();
        if !role.exists {
            let trust = role.trust.as_ref().map(|trust| value(trust, 1, &|text| self.reference(text)));
            let mut attributes = vec![
                Item::attribute("name", quoted(&role.name)),
                Item::attribute("path", quoted(&role.path)),
                Item::attribute("description", quoted(&role.description)),
                Item::attribute("max_session_duration", role.max_session_duration.to_string()),
            ];
            if let Some(boundary) = &role.boundary {
                attributes.push(Item::attribute("permissions_boundary", self.reference(boundary)));
            }
            attributes.extend(trust.map(|trust| Item::attribute("assume_role_policy", format!("jsonencode({trust})"))));
            items.extend(self.resource("aws_iam_role", &role.arn, attributes));
        }
        let own = self.names.get(&role.arn).map(|(_, name)| name.to_owned());
        let (name, target) = match own {
            Some(name) => (name.clone(), format!("aws_iam_role.{name}.name")),
            None => (identifier(&role.name), quoted(&role.name)),
        };
        for arn in &role.attached {
            let policy = self.names.get(arn).map(|(_, name)| name.to_owned());
            let policy = policy.unwrap_or_else(|| identifier(arn.rsplit('/').next().unwrap_or_default()));
            let attributes =
                vec![Item::attribute("role", target.clone()), Item::attribute("policy_arn", self.reference(arn))];
            items.push(resource("aws_iam_role_policy_attachment", &format!("{name}_{policy}"), attributes));
        }
        items
    }

    fn bucket(&self, bucket: &BucketPart) -> Vec<Item> {
        let Some((_, name)) = self.names.get(&bucket.arn) else { return Vec::new() };
        let id = || Item::attribute("bucket", format!("aws_s3_bucket.{name}.id"));
        let yes = |name: &str| Item::attribute(name, "true");
        let retention = vec![
            Item::attribute("mode", quoted("GOVERNANCE")),
            Item::attribute("days", bucket.object_lock_days.to_string()),
        ];
        let encryption = vec![Item::attribute("sse_algorithm", quoted("AES256"))];
        vec![
            resource(
                "aws_s3_bucket",
                name,
                vec![
                    Item::attribute("bucket", quoted(&bucket.name)),
                    yes("object_lock_enabled"),
                    Item::block("lifecycle", vec![yes("prevent_destroy")]),
                ],
            ),
            resource(
                "aws_s3_bucket_versioning",
                name,
                vec![id(), Item::block("versioning_configuration", vec![Item::attribute("status", quoted("Enabled"))])],
            ),
            resource(
                "aws_s3_bucket_object_lock_configuration",
                name,
                vec![id(), Item::block("rule", vec![Item::block("default_retention", retention)])],
            ),
            resource(
                "aws_s3_bucket_server_side_encryption_configuration",
                name,
                vec![
                    id(),
                    Item::block("rule", vec![Item::block("apply_server_side_encryption_by_default", encryption)]),
                ],
            ),
            resource(
                "aws_s3_bucket_ownership_controls",
                name,
                vec![
                    id(),
                    Item::block("rule", vec![Item::attribute("object_ownership", quoted("BucketOwnerEnforced"))]),
                ],
            ),
            resource(
                "aws_s3_bucket_public_access_block",
                name,
                vec![
                    id(),
                    yes("block_public_acls"),
                    yes("block_public_policy"),
                    yes("ignore_public_acls"),
                    yes("restrict_public_buckets"),
                ],
            ),
            resource(
                "aws_s3_bucket_policy",
                name,
                vec![id(), Item::attribute("policy", Self::document(&bucket.policy))],
            ),
        ]
    }
}
