//! Which events of CloudTrail are wanted.

use jiff::{SignedDuration, Timestamp};

use super::event::role_name;
use super::{RecordedSession, TrailEvent};
use crate::arn::RoleArn;
use crate::grant_id::GrantId;
use crate::records::{GrantHistory, GrantKind};

/// Which events are wanted. Everything that is set must fit.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TrailQuery {
    /// Events of a grant: those of its sessions, and those that gave and changed it.
    pub grant: Option<GrantId>,
    /// Events of sessions of this name.
    pub session: Option<String>,
    /// Events of sessions of these people: under their names, and under `NAME+ID`.
    pub people: Vec<String>,
    /// Names of the sessions that people had through grants, `NAME+ID`: the event history finds whole names only.
    pub sessions: Vec<String>,
    /// Events of sessions of this role, by its name.
    pub role: Option<String>,
    /// Events of these access keys, and those that issued them.
    pub access_keys: Vec<String>,
    /// Sign-ins by this assertion, by its id, besides the events of `access_keys`. What was done afterwards has the access keys
    /// that the sign-ins got.
    pub assertion: Option<String>,
    /// Resources whose events are looked up for a grant, besides its sessions: its role and its policies.
    pub resources: Vec<String>,
    /// Besides those of `people`, events of every grant, recorded or not: those of sessions named `NAME+ID`, and those that gave it.
    pub every_grant: bool,
    /// Events from this time on.
    pub from: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
}

/// How long after its end events of a grant are still looked for: what was used too long is what matters.
const AFTER: SignedDuration = SignedDuration::from_hours(12);
/// What the name of a session of a grant has between the person and the id.
const SESSION_SEPARATOR: &str = "+";
/// The beginning of the names of the policies of grants.
const GRANT_MARK: &str = "tempaccess-";
/// How long before its start: clocks differ.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// The name of the sessions of a session grant.
fn session_name(history: &GrantHistory) -> String {
    [history.to(), SESSION_SEPARATOR, history.id().as_str()].concat()
}

impl TrailQuery {
    /// Returns the query for everything that people did with these grants, and for grants that are not among them.
    pub fn for_all(histories: &[GrantHistory]) -> Self {
        Self { every_grant: true, from: None, ..Self::for_people(histories) }
    }

    /// Returns the query for everything that people did with these grants.
    pub fn for_people(histories: &[GrantHistory]) -> Self {
        let mut people: Vec<_> = histories.iter().map(|history| history.to().to_owned()).collect();
        people.sort();
        people.dedup();
        let from = histories.iter().filter_map(|history| history.trusted_events().next()).map(|event| event.at).min();
        Self { people, from: from.and_then(|from| from.checked_sub(BEFORE).ok()), ..Self::default() }
    }

    /// Returns the query for everything that a person did, with these grants and without any.
    pub fn for_person(name: &str, histories: &[GrantHistory]) -> Self {
        let of_person = histories.iter().filter(|history| history.to() == name);
        let sessions = of_person.filter(|history| history.kind() == GrantKind::Session);
        Self { people: vec![name.to_owned()], sessions: sessions.map(session_name).collect(), ..Self::default() }
    }

    /// Returns the query for everything about a grant.
    pub fn for_grant(history: &GrantHistory) -> Self {
        let first = history.trusted_events().next().map_or(history.until(), |event| event.at.min(event.from));
        let session = match history.kind() {
            GrantKind::Session => Some(session_name(history)),
            GrantKind::Policy => Some(history.to().to_owned()),
        };
        let mut resources: Vec<_> =
            history.trusted_events().filter_map(|event| event.iam_policy_name.clone()).collect();
        if history.kind() == GrantKind::Session {
            resources.push(history.last().role_arn.clone());
        }
        resources.sort();
        resources.dedup();
        Self {
            grant: Some(history.id().clone()),
            resources,
            session,
            from: first.checked_sub(BEFORE).ok(),
            until: history.until().checked_add(AFTER).ok(),
            ..Self::default()
        }
    }

    /// Returns the query for everything that was done with the sessions of these sign-ins.
    pub fn for_sessions<'a>(sign_ins: impl IntoIterator<Item = &'a RecordedSession>) -> Self {
        let mut query = Self::default();
        for sign_in in sign_ins {
            query.access_keys.push(sign_in.access_key_id.clone());
            query.from = sign_in.at.checked_sub(BEFORE).ok().into_iter().chain(query.from).min();
            query.until = sign_in.expiration.checked_add(AFTER).ok().max(query.until);
        }
        query
    }

    /// Adds what LookupEvents is asked for a role, besides its name: its ARN, those in the records, and the sessions of its grants.
    pub(crate) fn add_role_lookups(&mut self, role: Option<&RoleArn>, histories: &[GrantHistory]) {
        let named = self.role.clone().unwrap_or_default();
        let of_role = histories.iter().filter(|history| role_name(&history.last().role_arn) == named);
        self.resources.extend(role.map(ToString::to_string));
        for history in of_role {
            self.resources.push(history.last().role_arn.clone());
            if history.kind() == GrantKind::Session {
                self.sessions.push(session_name(history));
            }
        }
        self.resources.sort();
        self.resources.dedup();
    }

    /// What LookupEvents is asked: it takes one attribute at a time.
    pub(super) fn lookups(&self) -> Vec<(&'static str, &str)> {
        let mut lookups = Vec::new();
        lookups.extend(self.access_keys.iter().map(|key| ("AccessKeyId", key.as_str())));
        // Who got the key signed in, and had none to sign the call with.
        if self.has_keys() {
            lookups.push(("EventName", "AssumeRoleWithSAML"));
        }
        if lookups.is_empty() {
            let sessions = self.session.iter().chain(&self.people).chain(&self.sessions);
            lookups.extend(sessions.map(|session| ("Username", session.as_str())));
            lookups.extend(self.resources.iter().map(|resource| ("ResourceName", resource.as_str())));
        }
        let is_person = self.session.is_some() || !self.people.is_empty() || self.grant.is_some() || self.has_keys();
        if !is_person {
            lookups.extend(self.role.as_deref().map(|role| ("ResourceName", role)));
        }
        lookups
    }

    /// The texts of which each fitting event contains one.
    pub(super) fn texts(&self) -> Vec<String> {
        if let Some(id) = &self.grant {
            return std::iter::once(id.as_str().to_owned()).chain(self.session.clone()).collect();
        }
        if self.every_grant {
            // The names of sessions of grants have it, and so has the tag or policy that gives one.
            return [SESSION_SEPARATOR, GRANT_MARK].map(str::to_owned).into_iter().chain(self.people.clone()).collect();
        }
        if !self.people.is_empty() {
            return self.people.clone();
        }
        if self.session.is_none() && self.has_keys() {
            return self.access_keys.iter().chain(&self.assertion).cloned().collect();
        }
        [&self.session, &self.role].into_iter().flatten().take(1).cloned().collect()
    }

    /// Whether events are wanted by access key or assertion.
    fn has_keys(&self) -> bool {
        self.assertion.is_some() || !self.access_keys.is_empty()
    }

    /// Whether a time is in the period.
    pub(super) fn has_time(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    /// Whether the events that gave a grant fit: an administrator made those calls, so that the query for a person has none.
    pub(super) fn has_issuance(&self, history: &GrantHistory) -> bool {
        match &self.grant {
            Some(id) => id == history.id(),
            None if self.every_grant => true,
            None => {
                let is_narrower = self.session.is_some() || !self.people.is_empty() || self.has_keys();
                !is_narrower && self.role.as_deref().is_none_or(|named| role_name(&history.last().role_arn) == named)
            }
        }
    }

    /// Whether the event of a sign-in fits.
    pub(super) fn has_sign_in(&self, sign_in: &RecordedSession) -> bool {
        let role = sign_in.role_arn.as_deref().map(role_name);
        let name = sign_in.session_name.as_ref();
        self.grant.is_none()
            && (self.session.is_none() || self.session.as_ref() == name)
            && (self.people.is_empty() || name.is_some_and(|name| self.people.contains(name)))
            && (self.role.is_none() || self.role.as_deref() == role)
            && (!self.has_keys()
                || self.access_keys.contains(&sign_in.access_key_id)
                || (self.assertion.is_some() && self.assertion == sign_in.assertion_id))
    }

    /// Whether an event fits.
    pub fn fits(&self, event: &TrailEvent) -> bool {
        let in_time = self.has_time(event.time);
        let by_session = |session: &String| event.session() == Some(session.as_str());
        let about = match &self.grant {
            Some(id) => {
                event.grant_of_session().as_ref() == Some(id)
                    || event.grant_of_request().as_ref() == Some(id)
                    || self.session.as_ref().is_some_and(by_session)
            }
            None => self.session.as_ref().is_none_or(by_session),
        };
        let for_people = || {
            let session = event.session().unwrap_or_default();
            let name = session.rsplit_once('+').map_or(session, |(name, _)| name);
            self.people.iter().any(|person| person == name || person == session)
        };
        let of_any_grant =
            || self.every_grant && (event.grant_of_session().is_some() || event.grant_of_request().is_some());
        let about = about && (self.people.is_empty() && !self.every_grant || for_people() || of_any_grant());
        let of_role = |role: &String| {
            let principal = event.principal.as_deref().unwrap_or_default();
            principal.contains(&format!(":assumed-role/{role}/"))
                || event.role.as_deref().is_some_and(|named| role_name(named) == role.as_str())
        };
        let by_key = || {
            let keys = [&event.access_key_id, &event.issued_key];
            let by_assertion = self.assertion.is_some() && self.assertion == event.assertion_id;
            by_assertion || keys.into_iter().flatten().any(|key| self.access_keys.contains(key))
        };
        in_time && about && self.role.as_ref().is_none_or(of_role) && (!self.has_keys() || by_key())
    }
}
