//! `profiles sync`.

use tempaccess_core::config::{AwsProfile, names_for_roles, sync_aws_profiles};
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::{access_resolved, config, print, print_json};
use crate::args::{Output, Sync};
use crate::render;

pub(super) async fn sync(arguments: &Sync) -> Result<()> {
    let config = config(arguments.access.config.as_deref())?;
    let this = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("the path of this program cannot be found: {error}"))
            .with_source(error)
    })?;
    // The program that answers from what is kept, beside this one.
    let front = this.with_file_name(format!("tempaccess{}", std::env::consts::EXE_SUFFIX));
    let this = if front.exists() { front } else { this };
    let this = this.to_string_lossy();
    let given = arguments.access.words();
    let mut ask = vec![this.as_ref(), "credentials", "--output", "credential-process"];
    ask.extend(given.iter().map(String::as_str));
    let mut profiles = Vec::new();
    if arguments.roles {
        let profile = config.chosen_name(arguments.access.profile.as_deref())?;
        let settings = arguments.access.settings().resolve(&config, profile.as_deref())?;
        if settings.then.is_some() {
            let message = "the profile goes on to another role, so its roles cannot be profiles of their own";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
                .with_hint("choose a profile without `then`, or leave `--roles` out"));
        }
        let access = access_resolved(&arguments.access, &config, &settings).await?;
        let signed_in = access.sign_in().await?;
        let offers = signed_in.assertion.offers()?;
        for (name, offer) in names_for_roles(offers, access.account_names()).iter().zip(offers) {
            let mut command = ask.clone();
            if let Some(profile) = &profile {
                command.extend(["--profile", profile]);
            }
            // The account too: the profile may name one.
            let (role, provider) = (offer.role(), offer.provider().as_str());
            command.extend(["--role", role.as_str(), "--account", role.account_id(), "--provider", provider]);
            profiles.push(AwsProfile::new(name, &command, None)?);
        }
    } else {
        for name in &arguments.names {
            config.profile(name)?;
        }
        let wanted = |name: &&String| arguments.names.is_empty() || arguments.names.contains(name);
        for name in config.profiles.keys().filter(wanted) {
            let region = config.profile(name)?.region;
            profiles.push(AwsProfile::new(name, &[&ask[..], &["--profile", name]].concat(), region.as_deref())?);
        }
    }
    if profiles.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            "there is no profile in the configuration to write",
        )
        .with_hint("write one into the configuration, or let `--roles` write one for each role"));
    }
    let synced = sync_aws_profiles(&profiles, arguments.prune)?;
    match arguments.output {
        Output::Json => print_json(&synced),
        Output::Text => print(&render::synced(&synced)),
    }
}
