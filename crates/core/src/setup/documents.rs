//! The policies that sign-in and grants need, each built once.

use serde_json::{Value, json};

use super::RecordsPlace;
use crate::arn::RoleArn;
use crate::grant_id::GRANT_TAG;

/// The actions with which a session of a granted role could keep access after its end.
pub(super) const GUARDED: [&str; 10] = [
    "iam:PutRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:DeleteRolePermissionsBoundary",
    "iam:CreateAccessKey",
    "iam:CreateUser",
    "iam:CreateRole",
];

/// What AWS rejects in a policy, so that nothing is deployed before somebody replaces it.
pub(super) const FILL_IN: &str = "FILL IN: the most that a grant may allow on these roles";

fn document(statements: impl Into<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements.into()})
}

/// Returns one value as itself and several as a list, as people write policies.
fn one_or_list(values: Vec<String>) -> Value {
    match <[String; 1]>::try_from(values) {
        Ok([value]) => Value::String(value),
        Err(values) => values.into(),
    }
}

fn arns(roles: &[RoleArn]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// Returns the trust policy of a role that people take by signing in.
///
/// Session tags and a source identity in an assertion fail the whole call where they are not allowed, so both are.
pub(super) fn saml_trust(provider: &str, recipients: &[String]) -> Value {
    document(vec![json!({
        "Sid": "SignIn",
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"SAML:aud": one_or_list(recipients.to_vec())}},
    })])
}

/// The session names that the trust policy of a granted role accepts.
#[derive(Debug, Clone, Copy)]
pub(super) enum SessionNames {
    /// Those that end with the id in the session's tag.
    OfTag,
    /// Those that could end with the id of a grant.
    AnyId,
}

/// Returns the trust policy of a role that is granted by session.
///
/// `sts:TagSession` has no condition key for the session name: one statement for all three actions would deny it.
pub(super) fn granted_trust(admins: &[RoleArn], names: SessionNames) -> Value {
    let session_name = match names {
        SessionNames::OfTag => format!("?*+${{aws:RequestTag/{GRANT_TAG}}}"),
        SessionNames::AnyId => "?*+*".to_owned(),
    };
    let principal = json!({"AWS": one_or_list(arns(admins))});
    document(vec![
        json!({
            "Sid": "Grant",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringLike": {"sts:RoleSessionName": session_name},
                "ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": GRANT_TAG},
            },
        }),
        json!({
            "Sid": "GrantTags",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:TagSession",
            "Condition": {
                "StringLike": {format!("aws:RequestTag/{GRANT_TAG}"): "????????????"},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": [GRANT_TAG, "TempaccessTo", "TempaccessBy", "TempaccessReason"],
                },
            },
        }),
        json!({
            "Sid": "GrantSource",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:SetSourceIdentity",
            "Condition": {"StringLike": {"sts:SourceIdentity": "?*"}},
        }),
    ])
}

/// Returns the guard: a session that was granted cannot keep access after its end, whatever else allows it.
pub(super) fn guard() -> Value {
    document(vec![json!({
        "Sid": "Guard",
        "Effect": "Deny",
        "Action": GUARDED,
        "Resource": "*",
        "Condition": {"Null": {format!("aws:PrincipalTag/{GRANT_TAG}"): "false"}},
    })])
}

/// Returns the ceiling that somebody has to fill in.
pub(super) fn open_ceiling() -> Value {
    document(vec![json!({
        "Sid": "FillIn",
        "Effect": "Allow",
        "Action": FILL_IN,
        "Resource": FILL_IN,
    })])
}

/// What the rights of administrators are about.
pub(super) struct Administration<'a> {
    pub(super) admins: &'a [RoleArn],
    pub(super) granted: &'a [RoleArn],
    pub(super) people: &'a [RoleArn],
    /// The ARN of the permissions boundary of people's roles.
    pub(super) ceiling: &'a str,
    /// The ARN of the permissions boundary of granted roles.
    pub(super) granted_boundary: Option<&'a str>,
    /// The ARNs of the policies that `setup check` reads.
    pub(super) policies: Vec<String>,
    /// The ARNs of the SAML providers that people sign in with.
    pub(super) providers: Vec<String>,
    pub(super) records: Option<&'a RecordsPlace>,
    pub(super) partition: &'a str,
}

impl Administration<'_> {
    /// Returns the rights of administrators: to give, to end, to look at what is, and to keep records.
    pub(super) fn document(&self) -> Value {
        let mut statements = Vec::new();
        let edits = ["iam:PutRolePolicy", "iam:DeleteRolePolicy"];
        let with_boundary = |arn: &str| json!({"StringEquals": {"iam:PermissionsBoundary": arn}});
        if !self.granted.is_empty() {
            statements.push(json!({
                "Sid": "Grant",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                "Resource": one_or_list(arns(self.granted)),
            }));
            let mut revoke = json!({
                "Sid": "Revoke",
                "Effect": "Allow",
                "Action": edits,
                "Resource": one_or_list(arns(self.granted)),
            });
            if let (Some(arn), Some(statement)) = (self.granted_boundary, revoke.as_object_mut()) {
                statement.insert("Condition".to_owned(), with_boundary(arn));
            }
            statements.push(revoke);
        }
        if !self.people.is_empty() {
            statements.push(json!({
                "Sid": "Permit",
                "Effect": "Allow",
                "Action": edits,
                "Resource": one_or_list(arns(self.people)),
                "Condition": with_boundary(self.ceiling),
            }));
        }
        statements.push(json!({"Sid": "Find", "Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}));
        statements
            .push(json!({"Sid": "Audit", "Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}));
        let roles = [self.admins, self.granted, self.people].concat();
        statements.push(json!({
            "Sid": "ReadRoles",
            "Effect": "Allow",
            "Action": ["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"],
            "Resource": one_or_list(arns(&roles)),
        }));
        statements.push(json!({
            "Sid": "ReadPolicies",
            "Effect": "Allow",
            "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"],
            "Resource": self.policies,
        }));
        if !self.providers.is_empty() {
            statements.push(json!({
                "Sid": "ReadProviders",
                "Effect": "Allow",
                "Action": "iam:GetSAMLProvider",
                "Resource": one_or_list(self.providers.clone()),
            }));
        }
        if let Some(records) = self.records {
            statements.extend(records.rights(self.partition));
        }
        document(statements)
    }
}

impl RecordsPlace {
    /// Returns the ARN of the bucket.
    pub(super) fn bucket_arn(&self, partition: &str) -> String {
        format!("arn:{partition}:s3:::{}", self.bucket)
    }

    /// Returns the ARN of all records.
    pub(super) fn objects_arn(&self, partition: &str) -> String {
        let prefix = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        format!("{}/{prefix}*", self.bucket_arn(partition))
    }

    /// Returns the rights on records: to list, to read and to add, and neither to overwrite nor to delete.
    fn rights(&self, partition: &str) -> Vec<Value> {
        let mut list = json!({
            "Sid": "ListRecords",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": self.bucket_arn(partition),
        });
        if let (false, Some(list)) = (self.prefix.is_empty(), list.as_object_mut()) {
            let pattern = format!("{}/*", self.prefix);
            list.insert("Condition".to_owned(), json!({"StringLike": {"s3:prefix": pattern}}));
        }
        let objects = self.objects_arn(partition);
        vec![
            list,
            json!({"Sid": "ReadRecords", "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}),
            json!({
                "Sid": "AddRecords",
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": objects,
                "Condition": {"Null": {"s3:if-none-match": "false"}},
            }),
        ]
    }

    /// Returns the policy of the bucket: over TLS only, and no object is overwritten by anybody.
    pub(super) fn bucket_policy(&self, partition: &str) -> Value {
        let (bucket, objects) = (self.bucket_arn(partition), self.objects_arn(partition));
        document(vec![
            json!({
                "Sid": "OnlyTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket, format!("{bucket}/*")],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }),
            json!({
                "Sid": "OnlyNewRecords",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": objects,
                // The parts of an upload in parts cannot have the header, and create no object.
                "Condition": {
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            }),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trust_policy_of_granted_roles_has_three_statements() {
        let admin = "arn:aws:iam::111122223333:role/AccessAdmin".parse().unwrap();
        let expected = r#"{"Version":"2012-10-17","Statement":[
 {"Sid":"Grant","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/AccessAdmin"},"Action":"sts:AssumeRole",
  "Condition":{"StringLike":{"sts:RoleSessionName":"?*+${aws:RequestTag/TempaccessGrant}"},"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"TempaccessGrant"}}},
 {"Sid":"GrantTags","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/AccessAdmin"},"Action":"sts:TagSession",
  "Condition":{"StringLike":{"aws:RequestTag/TempaccessGrant":"????????????"},"ForAllValues:StringEquals":{"aws:TagKeys":["TempaccessGrant","TempaccessTo","TempaccessBy","TempaccessReason"]}}},
 {"Sid":"GrantSource","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/AccessAdmin"},"Action":"sts:SetSourceIdentity","Condition":{"StringLike":{"sts:SourceIdentity":"?*"}}}]}"#;
        let expected: Value = serde_json::from_str(expected).unwrap();
        let trust = granted_trust(&[admin], SessionNames::OfTag);
        assert_eq!(trust, expected);
        // The quota of IAM for a trust policy is 2,048.
        assert!(trust.to_string().len() < 1024);
    }

    #[test]
    fn records_are_added_and_never_overwritten_or_deleted() {
        let records = RecordsPlace { bucket: "acme-access".to_owned(), prefix: "grants".to_owned() };
        let rights = Value::from(records.rights("aws")).to_string();
        assert!(rights.contains("arn:aws:s3:::acme-access/grants/*") && rights.contains("s3:if-none-match"));
        assert!(!rights.contains("Delete") && !rights.contains('!'));
        let all = RecordsPlace { bucket: "acme-access".to_owned(), prefix: String::new() };
        assert!(Value::from(all.rights("aws")).to_string().contains("\"arn:aws:s3:::acme-access/*\""));
    }
}
