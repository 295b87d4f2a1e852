//! CloudFormation, in JSON.
//!
//! The account and the partition are CloudFormation's own, so that a template also fits other accounts.

use serde_json::{Map, Value, json};

use super::SetupModel;
use super::names::{Names, PartKind};
use crate::setup::model::{BucketPart, PolicyPart, RolePart};

/// Returns the template of a model.
pub(super) fn template(model: &SetupModel) -> Value {
    let names = Names::new(model, logical_id);
    let writer = Writer { model, names };
    let mut resources = Map::new();
    for provider in &model.providers {
        let properties = json!({"Name": provider.name, "SamlMetadataDocument": provider.metadata});
        writer.add(&mut resources, &provider.arn, json!({"Type": "AWS::IAM::SAMLProvider", "Properties": properties}));
    }
    for policy in &model.policies {
        writer.add(&mut resources, &policy.arn, writer.policy(policy));
    }
    for role in model.new_roles() {
        writer.add(&mut resources, &role.arn, writer.role(role));
    }
    for bucket in &model.buckets {
        writer.add(&mut resources, &bucket.arn, Writer::bucket(bucket));
        if let Some((_, name)) = writer.names.get(&bucket.arn) {
            let properties =
                json!({"Bucket": {"Ref": name}, "PolicyDocument": writer.text_in(&bucket.policy, References::None)});
            resources
                .insert(format!("{name}Policy"), json!({"Type": "AWS::S3::BucketPolicy", "Properties": properties}));
        }
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": model.description,
        "Resources": resources,
    })
}

/// A logical id has letters and digits only.
fn logical_id(name: &str, kind: PartKind) -> String {
    let mut id = String::new();
    for word in name.split(|character: char| !character.is_ascii_alphanumeric()) {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    match kind {
        PartKind::Provider => format!("{id}Provider"),
        PartKind::Policy => id,
        PartKind::Role => format!("{id}Role"),
        PartKind::Bucket => format!("{id}Bucket"),
    }
}

/// Whether ARNs of parts become references, which also say what is created first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum References {
    /// What a policy names does not have to exist before the policy, and references both ways would form a circle.
    None,
    /// A principal of a trust policy must exist before the role.
    All,
}

struct Writer<'m> {
    model: &'m SetupModel,
    names: Names,
}

impl Writer<'_> {
    fn add(&self, resources: &mut Map<String, Value>, arn: &str, resource: Value) {
        if let Some((_, name)) = self.names.get(arn) {
            resources.insert(name.to_owned(), resource);
        }
    }

    fn policy(&self, policy: &PolicyPart) -> Value {
        let mut properties = json!({
            "ManagedPolicyName": policy.name,
            "Description": policy.description,
            "PolicyDocument": self.text_in(&policy.document, References::None),
        });
        let roles: Vec<_> = self.model.existing_roles_with(&policy.arn).map(|role| role.name.as_str()).collect();
        if let (false, Some(properties)) = (roles.is_empty(), properties.as_object_mut()) {
            properties.insert("Roles".to_owned(), roles.into());
        }
        json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": properties})
    }

    fn role(&self, role: &RolePart) -> Value {
        let mut properties = json!({
            "RoleName": role.name,
            "Description": role.description,
            "Path": role.path,
            "MaxSessionDuration": role.max_session_duration,
        });
        if let Some(properties) = properties.as_object_mut() {
            let mut set = |name: &str, value: Value| drop(properties.insert(name.to_owned(), value));
            if let Some(trust) = &role.trust {
                set("AssumeRolePolicyDocument", self.text_in(trust, References::All));
            }
            if let Some(boundary) = &role.boundary {
                set("PermissionsBoundary", self.text(boundary, References::All));
            }
            if !role.attached.is_empty() {
                let arns = role.attached.iter().map(|arn| self.text(arn, References::All));
                set("ManagedPolicyArns", arns.collect::<Vec<_>>().into());
            }
        }
        json!({"Type": "AWS::IAM::Role", "Properties": properties})
    }

    fn bucket(bucket: &BucketPart) -> Value {
        json!({
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketName": bucket.name,
                "VersioningConfiguration": {"Status": "Enabled"},
                "ObjectLockEnabled": true,
                "ObjectLockConfiguration": {
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": bucket.object_lock_days}},
                },
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
                    ],
                },
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": true,
                    "BlockPublicPolicy": true,
                    "IgnorePublicAcls": true,
                    "RestrictPublicBuckets": true,
                },
            },
        })
    }

    /// Writes every text of a value.
    fn text_in(&self, value: &Value, references: References) -> Value {
        match value {
            Value::String(text) => self.text(text, references),
            Value::Array(values) => values.iter().map(|value| self.text_in(value, references)).collect(),
            Value::Object(object) => {
                let written = object.iter().map(|(name, value)| (name.clone(), self.text_in(value, references)));
                Value::Object(written.collect())
            }
            other => other.clone(),
        }
    }

    /// Writes a text: a reference if it is the ARN of a part, and with CloudFormation's own account and partition.
    fn text(&self, text: &str, references: References) -> Value {
        if let (References::All, Some((kind, name))) = (references, self.names.get(text)) {
            return match kind {
                PartKind::Role | PartKind::Bucket => json!({"Fn::GetAtt": [name, "Arn"]}),
                PartKind::Policy | PartKind::Provider => json!({"Ref": name}),
            };
        }
        let (partition, account) = (&self.model.partition, &self.model.account);
        let Some(rest) = text.strip_prefix(&format!("arn:{partition}:")) else { return Value::from(text) };
        // A variable of IAM is not one of CloudFormation.
        let rest = rest.replace("${", "${!").replace(&format!(":{account}:"), ":${AWS::AccountId}:");
        json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:{rest}")})
    }
}
