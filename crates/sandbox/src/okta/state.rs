//! What the org stores while it runs.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::cookies;
use crate::random;
use crate::shared::Shared;
use crate::world::User;

/// The number of wrong passwords that locks an account.
const MAX_WRONG_PASSWORDS: u32 = 5;
/// The lifetime of a session, unless the world sets another one for the person.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The state of the org, which requests lock for as long as they need it.
#[derive(Debug, Default)]
pub(crate) struct OrgState(Mutex<OrgData>);

#[derive(Debug, Default)]
pub(super) struct OrgData {
    /// Transactions of the authentication API, by state token.
    pub(super) transactions: HashMap<String, Transaction>,
    /// Single-use session tokens.
    session_tokens: HashMap<String, SessionToken>,
    /// Sessions, by the value of their cookie.
    sessions: HashMap<String, Session>,
    /// Wrong passwords since the last right one, by login.
    wrong_passwords: HashMap<String, u32>,
    /// Sign-ins at the Identity Engine, by state token, which is also the state handle.
    pub(super) flows: HashMap<String, Flow>,
    /// Device authorizations, by device code.
    pub(super) devices: HashMap<String, Device>,
    pub(super) access_tokens: HashMap<String, Issued>,
    pub(super) id_tokens: HashMap<String, Issued>,
    pub(super) refresh_tokens: HashMap<String, Issued>,
    /// Single-use web SSO tokens: login and app id.
    pub(super) web_sso_tokens: HashMap<String, (String, String)>,
    /// Remembered devices: login, and the value of the device's cookie.
    pub(super) remembered_devices: HashSet<(String, String)>,
}

/// A transaction of the authentication API.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) login: String,
    /// The step-up that this is; nothing for a new sign-in.
    pub(super) step_up: Option<StepUp>,
    /// How many times the push was polled.
    pub(super) polls: u32,
    /// Whether a code was sent.
    pub(super) code_sent: bool,
}

/// A further step that an app asks for.
#[derive(Debug, Clone)]
pub(super) struct StepUp {
    /// The id of the session that it is for.
    pub(super) session: String,
    /// The path of the app, to continue at.
    pub(super) target: String,
}

/// A sign-in at the Identity Engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    /// The path to continue at.
    pub(super) target: String,
    pub(super) login: Option<String>,
    /// Whether the right password was entered.
    pub(super) has_password: bool,
    /// The factor that is being verified.
    pub(super) factor: Option<usize>,
    pub(super) verified: bool,
    pub(super) polls: u32,
    pub(super) skipped: bool,
    pub(super) used_code: Option<String>,
    /// The session whose step-up this is.
    pub(super) session: Option<String>,
}

/// A device authorization.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) client: String,
    pub(super) scope: String,
    pub(super) expires: Timestamp,
    pub(super) login: Option<String>,
    pub(super) declined: bool,
    /// How many more polls are answered with `slow_down`.
    pub(super) slow_downs: u32,
}

/// What a token was issued for.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) client: String,
    pub(super) login: String,
    pub(super) scope: String,
    pub(super) expires: Timestamp,
}

impl Issued {
    pub(super) fn has_scope(&self, wanted: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == wanted)
    }
}

/// What a session token was issued for.
#[derive(Debug, Clone)]
struct SessionToken {
    login: String,
    used_code: Option<String>,
}

/// The session of a person.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) login: String,
    pub(super) expires: Timestamp,
    /// Whether the further step that the app asks for was taken.
    pub(super) stepped_up: bool,
    /// The code that was accepted last. It is not accepted again.
    pub(super) used_code: Option<String>,
}

impl Session {
    /// A new session of a person, which has taken no further step.
    pub(super) fn new(shared: &Shared, login: &str) -> Self {
        let seconds = shared.world.user(login).and_then(|user| user.session_seconds);
        let lifetime = seconds.map_or(SESSION_LIFETIME, SignedDuration::from_secs);
        // In whole seconds, as the session is described to clients.
        let expires = shared.clock.now().as_second().saturating_add(lifetime.as_secs());
        let expires = Timestamp::from_second(expires).unwrap_or(Timestamp::MAX);
        Self { login: login.to_owned(), expires, stepped_up: false, used_code: None }
    }
}

impl OrgState {
    pub(super) fn lock(&self) -> MutexGuard<'_, OrgData> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn end_sessions(&self) {
        let mut data = self.lock();
        data.sessions.clear();
        data.access_tokens.clear();
        data.id_tokens.clear();
        data.refresh_tokens.clear();
    }
}

impl OrgData {
    /// Starts a transaction of the authentication API. Returns its state token.
    pub(super) fn begin_transaction(&mut self, login: &str, step_up: Option<StepUp>) -> String {
        let token = format!("00{}-{}", random::alphanumeric(20), random::alphanumeric(18));
        let transaction = Transaction { login: login.to_owned(), step_up, polls: 0, code_sent: false };
        self.transactions.insert(token.clone(), transaction);
        token
    }

    /// Starts a sign-in at the Identity Engine. Returns its state token.
    pub(super) fn begin_flow(&mut self, flow: Flow) -> String {
        let token = format!("02.id.{}-{}", random::alphanumeric(20), random::alphanumeric(18));
        self.flows.insert(token.clone(), flow);
        token
    }

    pub(super) fn issue_session_token(&mut self, login: &str, used_code: Option<String>) -> String {
        let token = format!("2011{}", random::alphanumeric(40));
        self.session_tokens.insert(token.clone(), SessionToken { login: login.to_owned(), used_code });
        token
    }

    /// Exchanges a session token for a session, once. Returns its id.
    pub(super) fn redeem(&mut self, shared: &Shared, session_token: &str) -> Option<String> {
        let SessionToken { login, used_code } = self.session_tokens.remove(session_token)?;
        Some(self.add_session(Session { used_code, ..Session::new(shared, &login) }))
    }

    /// Adds a session. Returns its id, which is the value of its cookie.
    pub(super) fn add_session(&mut self, session: Session) -> String {
        let id = format!("102{}", random::alphanumeric(22));
        self.sessions.insert(id.clone(), session);
        id
    }

    /// Returns the session with this id, unless it has expired.
    pub(super) fn session_mut(&mut self, shared: &Shared, id: &str) -> Option<&mut Session> {
        self.sessions.get_mut(id).filter(|session| shared.clock.now() < session.expires)
    }

    /// Returns the session of a request and its id.
    pub(super) fn session_of(&mut self, shared: &Shared, headers: &HeaderMap) -> Option<(String, Session)> {
        let id = cookies::get(headers, cookies::SESSION)?;
        let session = self.session_mut(shared, &id)?.clone();
        Some((id, session))
    }

    pub(super) fn end_session(&mut self, id: &str) -> Option<Session> {
        self.sessions.remove(id)
    }

    /// Whether the account was locked by wrong passwords.
    pub(super) fn is_locked(&self, user: &User) -> bool {
        self.wrong_passwords.get(&user.login).is_some_and(|wrong| *wrong >= MAX_WRONG_PASSWORDS)
    }

    /// Checks a password, and counts wrong ones.
    pub(super) fn check_password(&mut self, user: &User, password: &str) -> bool {
        let is_right = user.password == password;
        if is_right {
            self.wrong_passwords.remove(&user.login);
        } else {
            *self.wrong_passwords.entry(user.login.clone()).or_default() += 1;
        }
        is_right
    }
}
