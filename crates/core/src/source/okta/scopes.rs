//! The OAuth scopes that device authorization requests.

/// Needed for every sign-in: an id token with the name of the person, and a web SSO token for the AWS app.
const REQUIRED: &str = "openid profile okta.apps.sso";
/// Needed to list the person's apps if the source is the org alone.
const LIST_APPS: &str = "okta.users.read.self";
/// Needed to refresh tokens without the person.
const REFRESH: &str = "offline_access";

/// Scopes to request together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScopeSet {
    lists_apps: bool,
    refreshes: bool,
}

impl ScopeSet {
    /// What to request first, and what to request next each time that Okta answers `invalid_scope`: administrators grant
    /// scopes one by one, and a sign-in works without some. Refreshing is given up first, since native apps often lack that
    /// grant.
    pub(super) const BY_PREFERENCE: [Self; 4] = [
        Self { lists_apps: true, refreshes: true },
        Self { lists_apps: true, refreshes: false },
        Self { lists_apps: false, refreshes: true },
        Self { lists_apps: false, refreshes: false },
    ];

    /// Whether an app can be signed in to with these scopes. `app_is_known` says whether the source names the app.
    pub(super) fn suffices(self, app_is_known: bool) -> bool {
        self.lists_apps || app_is_known
    }

    /// Returns the value of the parameter `scope`.
    pub(super) fn parameter(self) -> String {
        let mut scopes = REQUIRED.to_owned();
        for (is_wanted, scope) in [(self.lists_apps, LIST_APPS), (self.refreshes, REFRESH)] {
            if is_wanted {
                scopes.push(' ');
                scopes.push_str(scope);
            }
        }
        scopes
    }

    /// Whether the scopes that Okta granted include listing apps.
    pub(super) fn grants_app_list(granted: &str) -> bool {
        granted.split(' ').any(|scope| scope == LIST_APPS)
    }
}
