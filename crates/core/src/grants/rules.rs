//! The rules of the configuration: presets, the ticket pattern, the program that checks.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use regex_lite::Regex;
use serde::Serialize;

use super::{GrantRequest, GrantSpec};
use crate::config::{GrantPreset, GrantSettings, read_policy};
use crate::duration::{format_duration, parse_duration};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::policy::{covers, has_effect, outside, parse, statements};
use crate::program::{Input, Program};
use crate::records::{GrantKind, refused};
use crate::role::glob;
use crate::scope::SessionPolicy;
use crate::text::excerpt;

/// The rules that hold for every grant, besides what AWS enforces.
#[derive(Debug, Default)]
pub struct GrantRules {
    ticket: Option<Regex>,
    check: Option<Program>,
    notify: Option<Program>,
    presets: BTreeMap<String, GrantPreset>,
}

const APPROVALS_HINT: &str = "the person asks with `tempaccess grant request`, others agree with `tempaccess grant approve FILE --sign-only`, and the last one gives it with `tempaccess grant approve FILE`";

/// Returns the preset of this name.
pub(super) fn preset<'p>(presets: &'p BTreeMap<String, GrantPreset>, name: &str) -> Result<&'p GrantPreset> {
    presets.get(name).ok_or_else(|| {
        let known: Vec<_> = presets.keys().map(String::as_str).collect();
        let hint = match known.is_empty() {
            true => "the configuration has no presets: add one as `[grants.presets.NAME]`".to_owned(),
            false => format!("known presets: `{}`", known.join("`, `")),
        };
        let message = format!("there is no preset `{}`", excerpt(name));
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, message).with_hint(hint)
    })
}

/// Checks that a preset is for a person.
fn check_person(name: &str, preset: &GrantPreset, to: &str) -> Result<()> {
    if preset.to.is_empty() || preset.to.iter().any(|pattern| glob(pattern, to)) {
        return Ok(());
    }
    let allowed = preset.to.join("`, `");
    Err(refused(format!("the preset `{name}` is not for `{}`", excerpt(to)))
        .with_hint(format!("it is for `{allowed}`")))
}

/// Returns the policy that is given instead of that of a preset, which must allow everything that it allows.
fn narrower_policy(
    name: &str,
    preset: &GrantPreset,
    policy: Option<&SessionPolicy>,
    narrower: SessionPolicy,
) -> Result<SessionPolicy> {
    // To what managed policies allow, an inline policy adds what it allows, and takes away what it denies.
    if !preset.policy_arns.is_empty() && policy.is_none() {
        let only_denies = statements(&parse(&narrower)?).iter().all(|statement| has_effect(statement, "Deny"));
        return match only_denies {
            true => Ok(narrower),
            false => {
                Err(refused(format!("the preset `{name}` has managed policies, which a policy can only deny from"))
                    .with_hint("use only statements with the effect `Deny`, or leave `--policy` out"))
            }
        };
    }
    let Some(policy) = policy else {
        // A preset for sessions without a policy is for all that the role allows; one for a policy grant has to say what it adds.
        return match preset.kind {
            GrantKind::Session => Ok(narrower),
            GrantKind::Policy => {
                Err(refused(format!("the preset `{name}` has no policy that another one could narrow")))
            }
        };
    };
    if covers(&parse(policy)?, &parse(&narrower)?) {
        return Ok(narrower);
    }
    Err(refused(format!("the preset `{name}` does not allow all that the policy allows")).with_hint(
        "each statement of the policy must be within one of the preset: fewer actions, fewer resources, more conditions, and all of its denies",
    ))
}

impl GrantRules {
    /// Reads the rules of a configuration.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the ticket pattern is not a regular expression.
    pub fn new(settings: &GrantSettings) -> Result<Self> {
        let ticket = settings.ticket.as_deref().map(Regex::new).transpose().map_err(|error| {
            let message = format!("`ticket` of `[grants]` is not a regular expression: {error}");
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
        })?;
        let program = |words: &[String]| {
            words.split_first().map(|(program, arguments)| Program::new(program, arguments.iter().cloned()).detached())
        };
        Ok(Self {
            ticket,
            check: program(&settings.check),
            notify: program(&settings.notify),
            presets: settings.presets.clone(),
        })
    }

    /// Returns the roles of the presets.
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        self.presets.values().map(|preset| preset.role.as_str())
    }

    /// Returns the policy of a preset, as text.
    pub(super) fn policy_of(&self, name: &str) -> Result<Option<String>> {
        let policy = self.preset(name)?.policy.as_deref().map(read_policy).transpose()?;
        Ok(policy.map(|policy| policy.as_str().to_owned()))
    }

    /// Returns the preset of this name.
    pub(super) fn preset(&self, name: &str) -> Result<&GrantPreset> {
        preset(&self.presets, name)
    }

    /// Returns the spec with the values of its preset, within the preset's limits.
    ///
    /// # Errors
    ///
    /// `grant_refused` if the spec is outside the limits.
    pub(super) fn apply(&self, spec: &GrantSpec, kind: GrantKind) -> Result<GrantSpec> {
        let mut spec = spec.clone();
        self.check_ticket(&spec.reason)?;
        let Some(name) = spec.preset.clone() else { return Ok(spec) };
        let preset = self.preset(&name)?;
        let approvals = u32::try_from(spec.origin.approvals.len()).unwrap_or(u32::MAX);
        if approvals < preset.approvals {
            if spec.origin.request.is_some() || !preset.break_glass {
                let missing = preset.approvals - approvals;
                let approvals = if missing == 1 { "approval" } else { "approvals" };
                return Err(
                    refused(format!("the preset `{name}` needs {missing} more {approvals}")).with_hint(APPROVALS_HINT)
                );
            }
            spec.origin.break_glass = true;
        }
        if preset.kind != kind {
            let command = if preset.kind == GrantKind::Session { "issue" } else { "permit" };
            return Err(refused(format!("the preset `{name}` gives access by `tempaccess grant {command}`")));
        }
        check_person(&name, preset, &spec.to)?;
        if spec.role.as_ref().is_some_and(|role| *role != preset.role) {
            return Err(refused(format!("the preset `{name}` is for the role `{}`", preset.role)));
        }
        if !spec.policy_arns.is_empty() {
            return Err(refused(format!("the preset `{name}` has its own managed policies"))
                .with_hint("leave `--policy-arn` out, or give the grant without a preset"));
        }
        spec.role = Some(preset.role.clone());
        self.narrow(&name, &mut spec)?;
        for arn in &preset.policy_arns {
            let parsed = arn.parse().map_err(|error| {
                let message = format!("`{arn}` of the preset `{name}` is not the ARN of a managed policy: it {error}");
                Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
            })?;
            spec.policy_arns.push(parsed);
        }
        let longest = parse_duration(&preset.max_duration)?;
        match (spec.duration, spec.until) {
            (None, None) => spec.duration = Some(longest),
            (Some(duration), _) if duration > longest => {
                return Err(refused(format!("the preset `{name}` allows {} at most", format_duration(longest))));
            }
            _ => {}
        }
        Ok(spec)
    }

    /// Fills in the policy and the networks of a preset, unless the spec has narrower ones.
    ///
    /// # Errors
    ///
    /// `grant_refused` if those of the spec allow more.
    pub(super) fn narrow(&self, name: &str, spec: &mut GrantSpec) -> Result<()> {
        let preset = self.preset(name)?;
        let policy = preset.policy.as_deref().map(read_policy).transpose()?;
        spec.policy = match spec.policy.take() {
            Some(narrower) => Some(narrower_policy(name, preset, policy.as_ref(), narrower)?),
            None => policy,
        };
        if spec.from_ip.is_empty() {
            spec.from_ip.clone_from(&preset.from_ip);
        } else if let Some(block) = outside(&spec.from_ip, &preset.from_ip) {
            let allowed = preset.from_ip.join("`, `");
            return Err(refused(format!("the preset `{name}` does not allow the network `{}`", excerpt(block)))
                .with_hint(format!("it allows networks within `{allowed}`")));
        }
        Ok(())
    }

    /// Checks that a request can be granted at all, by its preset, its reason, the person and the duration.
    ///
    /// # Errors
    ///
    /// `grant_refused` if the request is outside the limits.
    pub(super) fn check_request(&self, request: &GrantRequest) -> Result<()> {
        self.check_ticket(&request.reason)?;
        check_person(&request.preset, self.preset(&request.preset)?, &request.to)?;
        self.check_length(Some(&request.preset), request.duration())
    }

    /// Checks the length of a grant that has an end instead of a duration.
    pub(super) fn check_length(&self, preset: Option<&str>, length: SignedDuration) -> Result<()> {
        let Some(name) = preset else { return Ok(()) };
        let longest = parse_duration(&self.preset(name)?.max_duration)?;
        if length > longest {
            return Err(refused(format!("the preset `{name}` allows {} at most", format_duration(longest))));
        }
        Ok(())
    }

    /// Checks that a grant of this preset can be extended once more, by `duration`.
    pub(super) fn check_extension(
        &self,
        preset: Option<&str>,
        extensions: u32,
        duration: SignedDuration,
    ) -> Result<()> {
        let Some(name) = preset else { return Ok(()) };
        // Without the preset, its limits are not known.
        let preset = self.preset(name)?;
        if preset.approvals > 0 {
            return Err(refused(format!("grants of the preset `{name}` need approvals, so they cannot be extended"))
                .with_hint("ask for another grant with `tempaccess grant request`"));
        }
        if preset.extensions.is_some_and(|most| extensions >= most) {
            return Err(refused(format!("the preset `{name}` allows {extensions} extensions, and all are used"))
                .with_hint("give a new grant when this one has ended"));
        }
        self.check_length(Some(name), duration)
    }

    pub(super) fn check_ticket(&self, reason: &str) -> Result<()> {
        match &self.ticket {
            Some(pattern) if !pattern.is_match(reason) => {
                let message = format!("the reason `{}` does not match the ticket pattern", excerpt(reason));
                Err(refused(message).with_hint(format!("a reason must match `{pattern}` (`ticket` of `[grants]`)")))
            }
            _ => Ok(()),
        }
    }

    /// Runs the `check` program about grants.
    ///
    /// # Errors
    ///
    /// `grant_refused` with its first line, and whatever kept it from running.
    pub(super) async fn run_check(&self, grant: &impl Serialize) -> Result<()> {
        let Some(program) = &self.check else { return Ok(()) };
        let output = program.outcome(Input::Bytes(json(grant))).await?;
        if output.succeeded() {
            return Ok(());
        }
        Err(refused(format!("the grant was refused: {}", output.reason())))
    }

    /// Runs the `notify` program. Returns why it failed.
    pub(super) async fn run_notify(&self, grant: &impl Serialize) -> Option<String> {
        let program = self.notify.as_ref()?;
        program.run(Input::Bytes(json(grant))).await.err().map(|error| error.message().to_owned())
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn rules() -> GrantRules {
        let text = r#"
            [grants]
            ticket = "^OPS-[0-9]+$"
            [grants.presets.count]
            kind = "session"
            role = "ledger/Granted"
            policy = '{"Statement":[]}'
            max_duration = "1h"
            extensions = 2
            to = ["*@example.com"]
        "#;
        GrantRules::new(&Config::parse(text).unwrap().grants).unwrap()
    }

    #[test]
    fn a_preset_gives_values_and_limits() {
        let spec = |to: &str| GrantSpec::to(to).reason("OPS-1").preset("count");
        let applied = rules().apply(&spec("grace@example.com"), GrantKind::Session).unwrap();
        assert_eq!((applied.role.as_deref(), applied.policy.is_some()), (Some("ledger/Granted"), true));
        assert_eq!(applied.duration, Some(SignedDuration::from_hours(1)));
        let message = |spec: GrantSpec| rules().apply(&spec, GrantKind::Session).unwrap_err().message().to_owned();
        assert_eq!(message(spec("eve@example.org")), "the preset `count` is not for `eve@example.org`");
        assert_eq!(
            message(spec("grace@example.com").role("Admin")),
            "the preset `count` is for the role `ledger/Granted`"
        );
        let long = spec("grace@example.com").duration(SignedDuration::from_hours(2));
        assert_eq!(message(long), "the preset `count` allows 1h at most");
        let allow = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        let wider = spec("grace@example.com").policy(allow.parse().unwrap());
        assert_eq!(message(wider), "the preset `count` does not allow all that the policy allows");
        let managed =
            spec("grace@example.com").policy_arns(["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()]);
        assert_eq!(message(managed), "the preset `count` has its own managed policies");
        assert_eq!(
            message(GrantSpec::to("grace").reason("please")),
            "the reason `please` does not match the ticket pattern"
        );
        assert_eq!(message(GrantSpec::to("grace").reason("OPS-1").preset("none")), "there is no preset `none`");
        let permit = rules().apply(&spec("grace@example.com"), GrantKind::Policy).unwrap_err();
        assert_eq!(permit.message(), "the preset `count` gives access by `tempaccess grant issue`");
    }

    #[test]
    fn what_managed_policies_allow_is_narrowed_by_denies() {
        let text = r#"
            [grants.presets.read]
            kind = "session"
            role = "Granted"
            policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
            max_duration = "1h"
        "#;
        let rules = GrantRules::new(&Config::parse(text).unwrap().grants).unwrap();
        let apply = |effect: &str| {
            let policy = format!(r#"{{"Statement":[{{"Effect":"{effect}","Action":"s3:*","Resource":"*"}}]}}"#);
            let spec = GrantSpec::to("grace").reason("x").preset("read").policy(policy.parse().unwrap());
            rules.apply(&spec, GrantKind::Session)
        };
        let narrowed = apply("Deny").unwrap();
        assert_eq!((narrowed.policy.is_some(), narrowed.policy_arns.len()), (true, 1));
        assert!(apply("Allow").unwrap_err().message().contains("can only deny from"));
    }

    #[test]
    fn extensions_are_counted() {
        let half = SignedDuration::from_mins(30);
        assert!(rules().check_extension(Some("count"), 1, half).is_ok());
        assert!(rules().check_extension(Some("count"), 2, half).is_err());
        assert!(rules().check_extension(Some("removed"), 9, half).is_err());
        assert!(rules().check_extension(None, 9, half).is_ok());
    }
}
