//! `grant key`, `grant trust`.

use std::path::{Path, PathBuf};

use tempaccess_core::config::Config;
use tempaccess_core::front_end::read_short_text;
use tempaccess_core::seal::{KeyFile, Namespace, Recipient, Signers};
use tempaccess_core::{Error, ErrorKind, Prompter, Result, Stage, terminal::Terminal};

use super::declined;
use crate::args::Output;
use crate::args::grant::{Key, SignerPermission, Trust};
use crate::commands::{config, note, on_thread, print, print_json};
use crate::terminal::is_yes;

pub(super) fn key(arguments: Key) -> Result<()> {
    let key = if arguments.new { create(arguments.file)? } else { existing(arguments.file)? };
    match arguments.output {
        Output::Json => print_json(&serde_json::json!({
            "public_key": key.public_key(),
            "fingerprint": key.fingerprint(),
            "file": key.path(),
        })),
        Output::Text => {
            let (path, fingerprint) = (key.path().display(), key.fingerprint());
            note(&format!("the private key is `{path}` ({fingerprint}); give others the line below only"));
            print(&key.public_key())
        }
    }
}

fn create(file: Option<PathBuf>) -> Result<KeyFile> {
    let path = file.or_else(Config::generated_key).ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::Grant, "there is no home directory to put a key in")
            .with_hint("name a file with `--file`")
    })?;
    if path.exists() {
        let message = format!("there is a key `{}` already", path.display());
        return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
            .with_hint("`tempaccess grant key` prints it; name another file with `--file`"));
    }
    let user =
        ["USER", "USERNAME"].into_iter().find_map(crate::commands::variable).unwrap_or_else(|| "tempaccess".to_owned());
    KeyFile::create(&path, &user)
}

fn existing(file: Option<PathBuf>) -> Result<KeyFile> {
    let identities = if file.is_some() { Vec::new() } else { Config::find()?.identities() };
    let path = file.or_else(|| identities.into_iter().next()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, "you have no key in `~/.ssh` that grants can be sealed to")
            .with_hint("create one with `tempaccess grant key --new`")
    })?;
    let key = KeyFile::read(&path)?;
    // A key that nothing can be sealed to is of no use to the person who asked for it.
    key.public_key().parse::<Recipient>()?;
    Ok(key)
}

pub(super) async fn trust(arguments: Trust) -> Result<()> {
    let key = match arguments.key.contains(' ') {
        true => arguments.key.clone(),
        false => read_short_text(Path::new(&arguments.key)).map_err(|error| {
            let message = format!("`{}` is neither a public key nor a file of one: {error}", arguments.key);
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, message).with_source(error)
        })?,
    };
    let file = match arguments.signers {
        Some(file) => file,
        None => match config(arguments.config.as_deref())?.grants.signers.clone().or_else(Config::default_signers) {
            Some(file) => file,
            None => {
                let message = "there is no place for the file of signers";
                return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                    .with_hint("name the file with `--signers`"));
            }
        },
    };
    let (namespace, verb) = match arguments.permission {
        SignerPermission::Granter => (Namespace::Grant, "give access"),
        SignerPermission::Requester => (Namespace::Request, "ask for access"),
    };
    let line = Signers::line(&arguments.name, key.trim(), namespace)?;
    let fingerprint = line.fingerprint();
    if !arguments.yes {
        let terminal = Terminal::new().without_browser();
        let question = format!("Trust {fingerprint} to {verb} as {}? [y/N]", arguments.name);
        let answer = match terminal.text(&question).await {
            Err(error) if error.kind() == ErrorKind::InteractionRequired => {
                return Err(error.with_hint("confirm with `--yes` that the key is theirs"));
            }
            answer => answer?,
        };
        if !is_yes(&answer) {
            return Err(declined());
        }
    }
    let (place, name) = (file.clone(), arguments.name.clone());
    let added = on_thread(move || Config::add_signer(&place, &name, key.trim(), namespace)).await?;
    match arguments.output {
        Output::Json => print_json(&serde_json::json!({
            "name": arguments.name,
            "fingerprint": fingerprint,
            "file": file,
            "added": added,
        })),
        Output::Text if added => {
            print(&format!("`{}` trusts {fingerprint} to {verb} as {}", file.display(), arguments.name))
        }
        Output::Text => print(&format!("`{}` had that line already", file.display())),
    }
}
