//! A person who answers as scripted, and a clock on which waiting takes no time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tempaccess_core::{
    Clock, Notice, Prompter, Result, SecretString,
    clock::Timer,
    source::{NoPrompter, Visit},
};

/// Answers questions in order and writes down what was asked and told.
#[derive(Debug, Default)]
pub struct Person {
    answers: Mutex<VecDeque<String>>,
    heard: Mutex<Vec<String>>,
}

impl Person {
    /// One who will give these answers.
    pub fn answering(answers: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(|answer| (*answer).to_owned()).collect()),
            ..Self::default()
        })
    }

    /// What was asked and told so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }

    fn answer(&self, question: &str) -> Option<String> {
        self.notify(&Notice::Other(format!("? {question}")));
        self.answers.lock().expect("no panic").pop_front()
    }
}

#[async_trait]
impl Prompter for Person {
    async fn text(&self, question: &str) -> Result<String> {
        match self.answer(question) {
            Some(answer) => Ok(answer),
            None => NoPrompter.text(question).await,
        }
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        match self.answer(question) {
            Some(answer) => Ok(answer.into()),
            None => NoPrompter.secret(question).await,
        }
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let answer = self.answer(&format!("{question}: {}", choices.join(" | ")));
        match answer.and_then(|answer| choices.iter().position(|choice| choice.contains(&answer))) {
            Some(chosen) => Ok(chosen),
            None => NoPrompter.choose(question, choices).await,
        }
    }

    fn notify(&self, notice: &Notice) {
        self.heard.lock().expect("no panic").push(notice.to_string());
    }
}

/// One who is asked nothing, goes where they are sent, and reads the notices.
pub struct Goer {
    does: Box<dyn Fn(&Visit) + Send + Sync>,
    heard: Mutex<Vec<String>>,
}

impl Goer {
    /// One who does this there.
    pub fn who(does: impl Fn(&Visit) + Send + Sync + 'static) -> Self {
        Self { does: Box::new(does), heard: Mutex::default() }
    }

    /// What they were told.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }
}

impl fmt::Debug for Goer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Goer")
    }
}

#[async_trait]
impl Prompter for Goer {
    async fn text(&self, question: &str) -> Result<String> {
        NoPrompter.text(question).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        NoPrompter.secret(question).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        NoPrompter.choose(question, choices).await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        (self.does)(page);
        Ok(())
    }

    fn notify(&self, notice: &Notice) {
        self.heard.lock().expect("no panic").push(notice.to_string());
    }
}

/// A clock that moves only when somebody waits on it.
#[derive(Debug)]
pub struct Patience(Mutex<Readings>);

#[derive(Debug)]
struct Readings {
    wall: Timestamp,
    monotonic: Duration,
    /// How far each wait sets the wall clock back.
    set_back: SignedDuration,
}

impl Default for Patience {
    fn default() -> Self {
        Self::set_back_by(SignedDuration::ZERO)
    }
}

impl Patience {
    /// A clock that somebody sets back by this much whenever it is waited on.
    pub fn set_back_by(set_back: SignedDuration) -> Self {
        Self(Mutex::new(Readings { wall: Timestamp::now(), monotonic: Duration::ZERO, set_back }))
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.0.lock().expect("no panic")
    }
}

impl Clock for Patience {
    fn now(&self) -> Timestamp {
        self.readings().wall
    }

    fn monotonic(&self) -> Duration {
        self.readings().monotonic
    }
}

#[async_trait]
impl Timer for Patience {
    async fn sleep(&self, duration: Duration) {
        let mut readings = self.readings();
        readings.monotonic += duration;
        readings.wall += duration;
        let set_back = readings.set_back;
        readings.wall -= set_back;
    }
}
