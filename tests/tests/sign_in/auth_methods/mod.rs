//! The sign-in methods other than the authentication API: which one is chosen, device authorization, the Identity Engine.
//! Every state is driven to its end, and requests are counted.

mod device;
mod idx;
mod method;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempaccess_core::net::{HttpTransport, Transport, TransportError, TransportErrorKind};
use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, FactorKind, OktaSource, OktaSourceBuilder};
use tempaccess_core::store::{EntryKind, MemoryStore, Store};
use tempaccess_core::{
    AssertionSource, ErrorKind, Notice, Prompter, Result, SamlResponse, SecretString,
    source::{AssertionRequest, Visit},
};
use tempaccess_sandbox::{App, Client, Factor, Fault, PushAnswer, Sandbox, Service, UserStatus, World};
use tempaccess_tests::ada::{asked, factor, push};
use tempaccess_tests::browse;
use tempaccess_tests::person::{Patience, Person};

const LOGIN: &str = "alan@example.com";
const PASSWORD: &str = "bombe";
const CLIENT: &str = "0oa1native2app3id45";

/// A person who opens the page that they are sent to, and submits a form there.
#[derive(Debug)]
struct Visitor {
    person: Arc<Person>,
    does: Option<&'static [(&'static str, &'static str)]>,
    went: Mutex<Vec<Visit>>,
}

const ALLOW: &[(&str, &str)] = &[("username", LOGIN), ("password", PASSWORD)];
const DECLINE: &[(&str, &str)] = &[("decline", "yes")];

impl Visitor {
    fn submitting(does: Option<&'static [(&'static str, &'static str)]>) -> Self {
        Self { person: Person::answering(&["Second"]), does, went: Mutex::default() }
    }

    fn went(&self) -> usize {
        self.went.lock().unwrap().len()
    }
}

#[async_trait]
impl Prompter for Visitor {
    async fn text(&self, question: &str) -> Result<String> {
        self.person.text(question).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        self.person.secret(question).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        self.person.choose(question, choices).await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        self.went.lock().unwrap().push(page.clone());
        if let Some(does) = self.does {
            let (page, code) = page.url().split_once("?user_code=").unwrap();
            browse::submit(page, &[&[("user_code", code)], does].concat()).await;
        }
        Ok(())
    }

    fn notify(&self, notice: &Notice) {
        self.person.notify(notice);
    }
}

fn world(pipeline: &str, change: impl FnOnce(&mut World)) -> World {
    let mut world = World { pipeline: pipeline.to_owned(), ..World::demo() };
    change(&mut world);
    world
}

fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    Sandbox::start(world("idx", change)).unwrap()
}

fn source(sandbox: &Sandbox, auth: Auth) -> OktaSourceBuilder {
    let source = OktaSource::builder(sandbox.app_url()).timer(Arc::new(Patience::default())).auth(auth);
    source.client_id(CLIENT).browser(no_browser())
}

/// A browser that does not exist: one of this machine must not be used.
fn no_browser() -> Browser {
    Browser::new().program("/nowhere/chromium", [""; 0])
}

async fn respond(source: &OktaSource, prompter: &dyn Prompter) -> Result<SamlResponse> {
    source.saml_response(&AssertionRequest::new(prompter)).await
}

/// Fails to sign in by device authorization. Returns the kind of the error, its message and its hint.
async fn fail(sandbox: &Sandbox, visitor: &Visitor) -> (ErrorKind, String) {
    let source = source(sandbox, Auth::Device).build().unwrap();
    let error = respond(&source, visitor).await.unwrap_err();
    (error.kind(), format!("{error}\n{}", error.hint().unwrap_or_default()))
}

fn client(sandbox: &mut World) -> &mut Client {
    &mut sandbox.clients[0]
}
