//! Writes a model in one of several forms.

mod cloudformation;
mod hcl;
mod json;
mod names;
mod terraform;

use serde_json::{Map, Value};

use super::SetupModel;

/// A form of template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateForm {
    /// A CloudFormation template, in JSON.
    CloudFormation,
    /// Terraform's HCL, formatted as `terraform fmt` does.
    Terraform,
    /// The parts and their policies as one JSON document, for tools of your own.
    Json,
}

/// Writes a model in a form. The text ends with a line break.
pub fn render(model: &SetupModel, form: TemplateForm) -> String {
    match form {
        TemplateForm::CloudFormation => json::pretty(&cloudformation::template(model)),
        TemplateForm::Terraform => terraform::file(model),
        TemplateForm::Json => json::pretty(&serde_json::to_value(model).unwrap_or_default()),
    }
}

/// The order in which people write the fields of policies and templates.
const ORDER: [&str; 34] = [
    "AWSTemplateFormatVersion",
    "Version",
    "description",
    "Description",
    "Statement",
    "partition",
    "account",
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "name",
    "path",
    "arn",
    "exists",
    "trust",
    "max_session_duration",
    "boundary",
    "attached",
    "Type",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Name",
    "RoleName",
    "ManagedPolicyName",
    "BucketName",
    "Path",
    "Resource",
    "Condition",
    "providers",
    "policies",
    "roles",
    "buckets",
    "notes",
];

/// Returns the fields of an object in the order in which people write them: known ones first, then by name.
fn fields(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = object.iter().collect();
    fields
        .sort_by_key(|(name, _)| (ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()), name.as_str()));
    fields
}

/// Whether a value is written on one line: a scalar, or a short list of scalars.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}
