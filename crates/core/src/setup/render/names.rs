//! The names that parts have within a template, by their ARNs.

use std::collections::BTreeMap;

use super::SetupModel;

/// A kind of part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartKind {
    Provider,
    Policy,
    Role,
    Bucket,
}

/// The name of each part that a template creates.
pub(super) struct Names(BTreeMap<String, (PartKind, String)>);

impl Names {
    /// Names every part. `name` makes a name of one that a person gave; a name that exists already gets a number.
    pub(super) fn new(model: &SetupModel, name: impl Fn(&str, PartKind) -> String) -> Self {
        let parts = (model.providers.iter().map(|part| (PartKind::Provider, &part.name, &part.arn)))
            .chain(model.policies.iter().map(|part| (PartKind::Policy, &part.name, &part.arn)))
            .chain(model.new_roles().map(|part| (PartKind::Role, &part.name, &part.arn)))
            .chain(model.buckets.iter().map(|part| (PartKind::Bucket, &part.name, &part.arn)));
        let mut names = BTreeMap::<String, (PartKind, String)>::new();
        for (kind, given, arn) in parts {
            let base = name(given, kind);
            let is_taken = |wanted: &str| names.values().any(|(_, known)| known == wanted);
            let mut numbered = (2..).map(|number| format!("{base}{number}"));
            let chosen = if is_taken(&base) { numbered.find(|wanted| !is_taken(wanted)) } else { None };
            names.insert(arn.clone(), (kind, chosen.unwrap_or(base)));
        }
        Self(names)
    }

    /// Returns the name and the kind of the part with this ARN, if the template creates it.
    pub(super) fn get(&self, arn: &str) -> Option<(PartKind, &str)> {
        self.0.get(arn).map(|(kind, name)| (*kind, name.as_str()))
    }
}
