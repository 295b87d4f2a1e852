//! The answers of IAM: XML of AWS's query protocol.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{AttachedPolicy, IamRole};

/// An answer whose result has another element name for each action.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetRole {
    #[serde(alias = "CreateRoleResult")]
    get_role_result: RoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: Role,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Role {
    arn: String,
    role_id: String,
    #[serde(default)]
    assume_role_policy_document: String,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<Boundary>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRoles {
    list_roles_result: RoleList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleList {
    #[serde(default)]
    roles: Members<Role>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRolePolicies {
    list_role_policies_result: PolicyList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyList {
    #[serde(default)]
    policy_names: Members<String>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAccountAliases {
    list_account_aliases_result: AliasList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasList {
    #[serde(default)]
    account_aliases: Members<String>,
}

impl ListAccountAliases {
    /// An account has one alias at most.
    pub(super) fn into_alias(self) -> Option<String> {
        self.list_account_aliases_result.account_aliases.member.into_iter().next()
    }
}

#[derive(Deserialize)]
struct Members<T> {
    #[serde(default = "Vec::new")]
    member: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { member: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetRolePolicy {
    get_role_policy_result: RolePolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RolePolicy {
    policy_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAttachedRolePolicies {
    list_attached_role_policies_result: AttachedList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedList {
    #[serde(default)]
    attached_policies: Members<Attached>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attached {
    policy_name: String,
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetPolicy {
    get_policy_result: PolicyResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyResult {
    policy: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    default_version_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetPolicyVersion {
    get_policy_version_result: VersionResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionResult {
    policy_version: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSamlProvider {
    #[serde(rename = "GetSAMLProviderResult")]
    result: ProviderResult,
}

#[derive(Deserialize)]
struct ProviderResult {
    #[serde(rename = "SAMLMetadataDocument")]
    metadata: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ErrorAnswer {
    pub(super) error: ErrorBody,
    pub(super) request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ErrorBody {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// Parses an answer. `None` if it has another shape.
pub(super) fn parse<T: DeserializeOwned>(xml: &[u8]) -> Option<T> {
    quick_xml::de::from_str(std::str::from_utf8(xml).ok()?).ok()
}

/// Decodes a policy document, which IAM encodes as in a URL (RFC 3986).
fn decoded(document: &str) -> Option<String> {
    let bytes = document.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            text.push(*byte);
            continue;
        }
        let digits = [*rest.next()?, *rest.next()?];
        text.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(text).ok()
}

impl Role {
    fn into_role(self) -> Option<IamRole> {
        Some(IamRole {
            arn: self.arn.parse().ok()?,
            id: self.role_id,
            trust_policy: decoded(&self.assume_role_policy_document)?,
            max_session_duration: self.max_session_duration.unwrap_or(3600),
            permissions_boundary: self.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
            server_time: None,
        })
    }
}

impl GetRole {
    pub(super) fn into_role(self) -> Option<IamRole> {
        self.get_role_result.role.into_role()
    }
}

impl ListRoles {
    /// Returns the roles of this page, and where the next one begins.
    pub(super) fn into_page(self) -> Option<(Vec<IamRole>, Option<String>)> {
        let RoleList { roles, marker } = self.list_roles_result;
        let roles: Option<Vec<_>> = roles.member.into_iter().map(Role::into_role).collect();
        Some((roles?, marker.filter(|marker| !marker.is_empty())))
    }
}

impl ListRolePolicies {
    /// Returns the names of this page, and where the next one begins.
    pub(super) fn into_page(self) -> (Vec<String>, Option<String>) {
        let PolicyList { policy_names, marker } = self.list_role_policies_result;
        (policy_names.member, marker.filter(|marker| !marker.is_empty()))
    }
}

impl GetRolePolicy {
    pub(super) fn into_document(self) -> Option<String> {
        decoded(&self.get_role_policy_result.policy_document)
    }
}

impl ListAttachedRolePolicies {
    /// Returns the policies of this page, and where the next one begins.
    pub(super) fn into_page(self) -> (Vec<AttachedPolicy>, Option<String>) {
        let AttachedList { attached_policies, marker } = self.list_attached_role_policies_result;
        let policies = attached_policies.member.into_iter();
        let policies = policies.map(|policy| AttachedPolicy { name: policy.policy_name, arn: policy.policy_arn });
        (policies.collect(), marker.filter(|marker| !marker.is_empty()))
    }
}

impl GetPolicy {
    pub(super) fn into_version(self) -> String {
        self.get_policy_result.policy.default_version_id
    }
}

impl GetPolicyVersion {
    pub(super) fn into_document(self) -> Option<String> {
        decoded(&self.get_policy_version_result.policy_version.document)
    }
}

impl GetSamlProvider {
    pub(super) fn into_metadata(self) -> String {
        self.result.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_the_shape_of_the_api_reference_are_read() {
        let xml = br#"<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>
            <Path>/application_abc/</Path><Arn>arn:aws:iam::123456789012:role/application_abc/S3Access</Arn>
            <RoleName>S3Access</RoleName><MaxSessionDuration>7200</MaxSessionDuration>
            <AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</AssumeRolePolicyDocument>
            <CreateDate>2012-05-08T23:34:01Z</CreateDate><RoleId>AROADBQP57FF2AEXAMPLE</RoleId>
            <PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>
            <PermissionsBoundaryArn>arn:aws:iam::123456789012:policy/Ceiling</PermissionsBoundaryArn></PermissionsBoundary>
            <Tags/></Role></GetRoleResult>
            <ResponseMetadata><RequestId>df37e965-9967-11e1-a4c3-270EXAMPLE04</RequestId></ResponseMetadata></GetRoleResponse>"#;
        let role = parse::<GetRole>(xml).unwrap().into_role().unwrap();
        assert_eq!((role.arn.name(), role.id.as_str()), ("S3Access", "AROADBQP57FF2AEXAMPLE"));
        assert_eq!(role.trust_policy, r#"{"Version":"2012-10-17"}"#);
        assert_eq!((role.max_session_duration, role.permissions_boundary.is_some()), (7200, true));
    }

    #[test]
    fn pages_and_empty_lists_are_read() {
        let xml = br"<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>a</member><member>b</member>
            </PolicyNames><IsTruncated>true</IsTruncated><Marker>next</Marker></ListRolePoliciesResult></ListRolePoliciesResponse>";
        let page = parse::<ListRolePolicies>(xml).unwrap().into_page();
        assert_eq!(page, (vec!["a".to_owned(), "b".to_owned()], Some("next".to_owned())));
        let xml = br"<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/><IsTruncated>false</IsTruncated>
            </ListRolePoliciesResult></ListRolePoliciesResponse>";
        assert_eq!(parse::<ListRolePolicies>(xml).unwrap().into_page(), (Vec::new(), None));
    }

    #[test]
    fn attached_policies_their_documents_and_providers_are_read() {
        let xml = br"<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies><member>
            <PolicyName>ReadOnlyAccess</PolicyName><PolicyArn>arn:aws:iam::aws:policy/ReadOnlyAccess</PolicyArn></member>
            </AttachedPolicies><IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>";
        let (policies, marker) = parse::<ListAttachedRolePolicies>(xml).unwrap().into_page();
        assert_eq!((policies[0].arn.as_str(), marker), ("arn:aws:iam::aws:policy/ReadOnlyAccess", None));
        let xml = br"<GetPolicyResponse><GetPolicyResult><Policy><PolicyName>x</PolicyName><DefaultVersionId>v7</DefaultVersionId>
            <PolicyId>AGPACKCEVSQ6C2EXAMPLE</PolicyId><Path>/</Path><AttachmentCount>9</AttachmentCount></Policy></GetPolicyResult></GetPolicyResponse>";
        assert_eq!(parse::<GetPolicy>(xml).unwrap().into_version(), "v7");
        let xml = br"<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><Document>%7B%22Version%22%3A%222012-10-17%22%7D</Document>
            <IsDefaultVersion>true</IsDefaultVersion><VersionId>v7</VersionId></PolicyVersion></GetPolicyVersionResult></GetPolicyVersionResponse>";
        let document = parse::<GetPolicyVersion>(xml).unwrap().into_document();
        assert_eq!(document.as_deref(), Some(r#"{"Version":"2012-10-17"}"#));
        let xml = br"<GetSAMLProviderResponse><GetSAMLProviderResult><CreateDate>2012-05-09T16:27:11Z</CreateDate>
            <SAMLMetadataDocument>&lt;a/&gt;</SAMLMetadataDocument></GetSAMLProviderResult></GetSAMLProviderResponse>";
        assert_eq!(parse::<GetSamlProvider>(xml).unwrap().into_metadata(), "<a/>");
    }

    #[test]
    fn errors_are_read() {
        let xml = br"<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role with name X cannot be found.</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        let answer = parse::<ErrorAnswer>(xml).unwrap();
        assert_eq!((answer.error.code.as_str(), answer.request_id.as_deref()), ("NoSuchEntity", Some("1")));
        assert!(parse::<ErrorAnswer>(b"<html></html>").is_none());
    }
}
