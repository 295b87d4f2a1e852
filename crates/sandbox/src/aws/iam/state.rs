//! What changes at IAM while the sandbox runs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::clock::SandboxClock;
use crate::world::{Role, World};

/// The roles and their policies, which change while the sandbox runs. Tests read and change them without a call.
#[derive(Debug)]
pub struct Iam {
    clock: SandboxClock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By ARN.
    known: BTreeMap<String, Arc<Role>>,
    /// By ARN.
    roles: BTreeMap<String, RoleState>,
    delay: SignedDuration,
    source_ip: IpAddr,
}

#[derive(Debug, Default)]
struct RoleState {
    policies: BTreeMap<String, History>,
    trust: History,
}

/// The versions of a document, oldest first. A version without a document is a deletion.
#[derive(Debug, Default)]
struct History(Vec<Version>);

#[derive(Debug)]
struct Version {
    document: Option<String>,
    /// When it takes effect. `None`: at once, wherever the clock is moved to.
    effective_from: Option<Timestamp>,
}

/// A trust policy that nobody fits.
const NOBODY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

impl History {
    fn starting_with(document: Option<String>) -> Self {
        Self(vec![Version { document, effective_from: None }])
    }

    /// Returns the newest document, which calls that read it see.
    fn latest(&self) -> Option<&str> {
        self.0.last()?.document.as_deref()
    }

    /// Returns the document that is in effect.
    fn effective(&self, now: Timestamp) -> Option<&str> {
        let is_effective = |version: &&Version| version.effective_from.is_none_or(|from| from <= now);
        self.0.iter().rev().find(is_effective)?.document.as_deref()
    }
}

impl Iam {
    pub(crate) fn new(world: &World, clock: SandboxClock) -> Self {
        let state_of = |role: &Role| {
            let policies = role.policies.iter();
            let policies =
                policies.map(|(name, document)| (name.clone(), History::starting_with(Some(document.clone()))));
            let trust = History::starting_with(role.trust.clone());
            RoleState { policies: policies.collect(), trust }
        };
        let roles = world.roles.iter().map(|role| (role.arn.clone(), state_of(role))).collect();
        let known = world.roles.iter().map(|role| (role.arn.clone(), Arc::new(role.clone()))).collect();
        let state = State { known, roles, delay: SignedDuration::ZERO, source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        Self { clock, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the ARNs of the roles, in order.
    pub fn roles(&self) -> Vec<String> {
        self.state().known.keys().cloned().collect()
    }

    /// Returns the role with this ARN.
    pub(crate) fn role(&self, arn: &str) -> Option<Arc<Role>> {
        self.state().known.get(arn).cloned()
    }

    /// Returns the roles of an account, by name.
    pub(crate) fn roles_of(&self, account: &str) -> Vec<Arc<Role>> {
        let mut roles: Vec<_> = self.state().known.values().filter(|role| role.account() == account).cloned().collect();
        roles.sort_by(|one, other| one.name().cmp(other.name()));
        roles
    }

    /// Adds a role with this trust policy. It is known at once; its trust takes effect as other changes do.
    pub(super) fn create_role(&self, role: Role, trust: &str) {
        let arn = role.arn.clone();
        {
            let mut state = self.state();
            state.known.insert(arn.clone(), Arc::new(role));
            // One that was deleted leaves nothing behind. Nobody may take it until its trust policy is in effect.
            state.roles.insert(
                arn.clone(),
                RoleState { trust: History::starting_with(Some(NOBODY.to_owned())), ..RoleState::default() },
            );
        }
        self.set_trust_policy(&arn, trust);
    }

    pub(super) fn delete_role(&self, arn: &str) {
        let mut state = self.state();
        state.known.remove(arn);
        state.roles.remove(arn);
    }

    /// Sets how long changes take until they are in effect, by the sandbox's clock. Calls that read policies see a change
    /// at once. Default: no time.
    pub fn delay_changes(&self, delay: SignedDuration) {
        self.state().delay = delay;
    }

    /// Sets the address that all requests seem to come from: `aws:SourceIp`. Default: 127.0.0.1.
    pub fn set_source_ip(&self, address: IpAddr) {
        self.state().source_ip = address;
    }

    /// Returns the names and documents of the inline policies of a role.
    pub fn role_policies(&self, role_arn: &str) -> BTreeMap<String, String> {
        let state = self.state();
        let policies = state.roles.get(role_arn).into_iter().flat_map(|role| &role.policies);
        policies.filter_map(|(name, history)| Some((name.clone(), history.latest()?.to_owned()))).collect()
    }

    /// Adds or replaces an inline policy of a role, without the checks of a call.
    pub fn put_role_policy(&self, role_arn: &str, name: &str, document: &str) {
        self.change(role_arn, Some(document.to_owned()), |role| role.policies.entry(name.to_owned()).or_default());
    }

    /// Deletes an inline policy of a role.
    pub fn delete_role_policy(&self, role_arn: &str, name: &str) {
        self.change(role_arn, None, |role| role.policies.entry(name.to_owned()).or_default());
    }

    /// Returns the trust policy of a role, if it is a document.
    pub fn trust_policy(&self, role_arn: &str) -> Option<String> {
        self.state().roles.get(role_arn)?.trust.latest().map(str::to_owned)
    }

    /// Replaces the trust policy of a role, without the checks of a call.
    pub fn set_trust_policy(&self, role_arn: &str, document: &str) {
        self.change(role_arn, Some(document.to_owned()), |role| &mut role.trust);
    }

    fn change(&self, role_arn: &str, document: Option<String>, history: impl FnOnce(&mut RoleState) -> &mut History) {
        let mut state = self.state();
        let delay = state.delay;
        let effective_from = if delay.is_positive() { self.clock.now().checked_add(delay).ok() } else { None };
        let role = state.roles.entry(role_arn.to_owned()).or_default();
        history(role).0.push(Version { document, effective_from });
    }

    pub(crate) fn source_ip(&self) -> IpAddr {
        self.state().source_ip
    }

    /// Returns the documents of the inline policies of a role that are in effect.
    pub(crate) fn effective_policies(&self, role_arn: &str, now: Timestamp) -> Vec<String> {
        let state = self.state();
        let policies = state.roles.get(role_arn).into_iter().flat_map(|role| role.policies.values());
        policies.filter_map(|history| history.effective(now).map(str::to_owned)).collect()
    }

    /// Returns the trust policy of a role that is in effect, if it is a document.
    pub(crate) fn effective_trust(&self, role_arn: &str, now: Timestamp) -> Option<String> {
        self.state().roles.get(role_arn)?.trust.effective(now).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/ReadOnly";

    #[test]
    fn a_delayed_change_is_read_at_once_and_takes_effect_later() {
        let clock = SandboxClock::default();
        clock.stop_at("2026-11-25T14:00:00Z".parse().unwrap());
        let iam = Iam::new(&World::demo(), clock.clone());
        iam.put_role_policy(ROLE, "one", "{}");
        iam.delay_changes(SignedDuration::from_secs(4));
        iam.delete_role_policy(ROLE, "one");
        iam.put_role_policy(ROLE, "two", "{}");
        let names: Vec<_> = iam.role_policies(ROLE).into_keys().collect();
        assert_eq!(names, ["two"]);
        assert_eq!(iam.effective_policies(ROLE, clock.now()).len(), 1);
        clock.advance(SignedDuration::from_secs(3));
        iam.put_role_policy(ROLE, "three", "{}");
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(iam.effective_policies(ROLE, clock.now()), ["{}"]);
        clock.advance(SignedDuration::from_secs(3));
        assert_eq!(iam.effective_policies(ROLE, clock.now()).len(), 2);
    }
}
