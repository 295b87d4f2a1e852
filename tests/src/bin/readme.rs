//! The example of the README, word for word.
#![allow(clippy::print_stdout, reason = "a program of the tests")]

use tempaccess_core::config::{Config, Settings};

#[tokio::main]
async fn main() -> tempaccess_core::Result<()> {
    let config = Config::find()?;
    let mut settings = Settings::default();
    settings.role = Some("ledger/ReadOnly".into());
    let settings = settings.resolve(&config, None)?;
    let issued = settings.access(&config, None)?.build().credentials().await?;
    println!("{} until {}", issued.offer.role(), issued.answer.credentials.expiration);
    Ok(())
}
