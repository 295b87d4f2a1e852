use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::random;

/// Wrong passwords until an account is locked.
const LOCK_AFTER: u32 = 5;

/// What the org remembers.
#[derive(Debug, Default)]
pub(crate) struct OktaState(Mutex<Memory>);

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Running transactions, by state token.
    pub(super) transactions: HashMap<String, Transaction>,
    /// Single-use session tokens: whose they are, and the code that was used for them.
    session_tokens: HashMap<String, (String, Option<String>)>,
    /// Sessions, by the cookie `sid`.
    pub(super) sessions: HashMap<String, Session>,
    wrong_passwords: HashMap<String, u32>,
    /// Sign-ins at the Identity Engine, by state token, which is its state handle too.
    pub(super) flows: HashMap<String, Flow>,
    /// Invitations of device authorization, by device code.
    pub(super) devices: HashMap<String, Device>,
    pub(super) access_tokens: HashMap<String, Issued>,
    pub(super) id_tokens: HashMap<String, Issued>,
    pub(super) refresh_tokens: HashMap<String, Issued>,
    /// Single-use tokens that become a session: whose, and for which app.
    pub(super) web_sso_tokens: HashMap<String, (String, String)>,
    /// Who was verified on a machine that shall be remembered, by its cookie `DT`.
    pub(super) remembered: HashSet<(String, String)>,
}

/// A sign-in at the Identity Engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    pub(super) login: Option<String>,
    /// Whether the password was right.
    pub(super) password: bool,
    /// The factor that is being verified.
    pub(super) factor: Option<usize>,
    pub(super) verified: bool,
    pub(super) polls: u32,
    pub(super) skipped: bool,
    pub(super) used_code: Option<String>,
    /// The session that a step-up lifts.
    pub(super) session: Option<String>,
}

/// An invitation to sign in elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) client: String,
    pub(super) scope: String,
    pub(super) end: Timestamp,
    pub(super) login: Option<String>,
    pub(super) declined: bool,
    /// How often more it says that it is asked too fast.
    pub(super) slow_downs: u32,
}

/// What a token stands for.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) client: String,
    pub(super) login: String,
    pub(super) scope: String,
    pub(super) end: Timestamp,
}

/// A running authentication.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) login: String,
    /// The session that a step-up lifts.
    pub(super) session: Option<String>,
    /// Looks at the push so far.
    pub(super) polls: u32,
    /// Whether a code was sent.
    pub(super) sent: bool,
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) login: String,
    pub(super) stepped_up: bool,
    /// The code that was used last: it is not right again.
    pub(super) used_code: Option<String>,
}

impl OktaState {
    pub(super) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn end_sessions(&self) {
        let mut memory = self.lock();
        memory.sessions.clear();
        memory.access_tokens.clear();
        memory.id_tokens.clear();
        memory.refresh_tokens.clear();
    }
}

impl Memory {
    pub(super) fn begin(&mut self, login: &str, session: Option<String>) -> String {
        let token = format!("00{}-{}", random::alphanumeric(20), random::alphanumeric(18));
        let transaction = Transaction { login: login.to_owned(), session, polls: 0, sent: false };
        self.transactions.insert(token.clone(), transaction);
        token
    }

    /// A sign-in at the Identity Engine, in a session that is there already or not.
    pub(super) fn begin_flow(&mut self, flow: Flow) -> String {
        let token = format!("02.id.{}-{}", random::alphanumeric(20), random::alphanumeric(18));
        self.flows.insert(token.clone(), flow);
        token
    }

    pub(super) fn session_token(&mut self, login: &str) -> String {
        let token = format!("2011{}", random::alphanumeric(40));
        self.session_tokens.insert(token.clone(), (login.to_owned(), None));
        token
    }

    pub(super) fn remember_code(&mut self, session_token: &str, code: Option<String>) {
        if let Some((_, used)) = self.session_tokens.get_mut(session_token) {
            *used = code;
        }
    }

    /// Whose token it is, once.
    pub(super) fn redeem(&mut self, session_token: &str) -> Option<(String, Option<String>)> {
        self.session_tokens.remove(session_token)
    }

    pub(super) fn is_locked(&self, login: &str) -> bool {
        self.wrong_passwords.get(login).is_some_and(|wrong| *wrong >= LOCK_AFTER)
    }

    pub(super) fn wrong_password(&mut self, login: &str) {
        *self.wrong_passwords.entry(login.to_owned()).or_default() += 1;
    }

    pub(super) fn right_password(&mut self, login: &str) {
        self.wrong_passwords.remove(login);
    }
}
