//! `profiles sync`.

use std::path::PathBuf;

use tempaccess_core::config::{AwsProfiles, Config, Settings, SyncOptions, Synced, absolute_path, sync_aws_profiles};
use tempaccess_core::{Error, ErrorKind, Result, Stage, front_end::names_for_roles};

use super::{access_resolved, config, on_thread, print, print_json};
use crate::args::{Output, Sync};
use crate::render;
use crate::terminal::is_yes;

pub(super) async fn sync(arguments: &Sync) -> Result<()> {
    let config = config(arguments.access.config.as_deref())?;
    let command = Command::new(arguments)?;
    let profiles = match arguments.roles {
        true => of_roles(arguments, &config, &command).await?,
        false => of_configuration(arguments, &config, &command)?,
    };
    if profiles.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            "there is no profile in the configuration to write",
        )
        .with_hint("add one with `tempaccess configure`, or write a profile for each role with `--roles`"));
    }
    let mut synced = write(&profiles, arguments, arguments.adopt).await?;
    if !synced.adoptable.is_empty() && asks_to_adopt(arguments, &synced.adoptable).await? {
        let removed = synced.removed;
        synced = write(&profiles, arguments, true).await?;
        synced.removed.extend(removed);
    }
    match arguments.output {
        Output::Json => print_json(&synced)?,
        Output::Text => print(&render::synced(&synced))?,
    }
    match synced.skipped.as_slice() {
        [first, ..] if synced.written.is_empty() && synced.left_alone.is_empty() => {
            let message = format!("no profile was written: `{}`: {}", first.name, first.reason);
            Err(Error::new(ErrorKind::InvalidArgument, Stage::Output, message)
                .with_hint("see the profiles that were skipped"))
        }
        _ => Ok(()),
    }
}

async fn write(profiles: &AwsProfiles, arguments: &Sync, adopt: bool) -> Result<Synced> {
    let (profiles, options) = (profiles.clone(), SyncOptions::default().prune(arguments.prune).adopt(adopt));
    on_thread(move || sync_aws_profiles(&profiles, options)).await
}

/// Asks on the terminal, where there is one, whether credentials are added to these profiles.
async fn asks_to_adopt(arguments: &Sync, names: &[String]) -> Result<bool> {
    if arguments.output == Output::Json {
        return Ok(false);
    }
    let question = format!("Add credentials to what exists without any: {} (y/N)", names.join(", "));
    match arguments.access.prompter().text(&tempaccess_core::front_end::printable(&question)).await {
        Ok(answer) => Ok(is_yes(&answer)),
        Err(error) if matches!(error.kind(), ErrorKind::InteractionRequired | ErrorKind::Cancelled) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The profiles that are named, or all of the configuration.
fn of_configuration(arguments: &Sync, config: &Config, command: &Command) -> Result<AwsProfiles> {
    for name in &arguments.names {
        config.profile(name)?;
    }
    let mut profiles = AwsProfiles::default();
    for name in config.profiles.keys().filter(|name| arguments.names.is_empty() || arguments.names.contains(name)) {
        // As everywhere, arguments and the environment come before the profile.
        let settings = command.given.clone().resolve(config, Some(name)).or_else(|_| config.profile(name))?;
        let region = settings.region;
        profiles.add(name, &words(&command.of_profile(Some(name), &Settings::default())), region.as_deref());
    }
    Ok(profiles)
}

/// A profile for each role that the assertion offers.
async fn of_roles(arguments: &Sync, config: &Config, command: &Command) -> Result<AwsProfiles> {
    let profile = config.chosen_name(arguments.access.profile.as_deref())?;
    let settings = arguments.access.settings().resolve(config, profile.as_deref())?;
    if settings.chain.is_some() {
        let message = "the profile goes on to another role, so its roles cannot be profiles of their own";
        return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
            .with_hint("choose a profile without `chain`, or omit `--roles`"));
    }
    let access = access_resolved(&arguments.access, config, &settings).await?;
    let signed_in = access.sign_in().await?;
    let offers = signed_in.assertion.offers()?;
    let mut profiles = AwsProfiles::default();
    for (name, offer) in names_for_roles(offers, access.account_names()).iter().zip(offers) {
        let mut role = Settings::default();
        role.role = Some(offer.role().as_str().to_owned());
        // The profile may name another account.
        role.account = Some(offer.role().account_id().to_owned());
        role.provider = Some(offer.provider().as_str().to_owned());
        profiles.add(name, &words(&command.of_profile(profile.as_deref(), &role)), settings.region.as_deref());
    }
    Ok(profiles)
}

/// The command that prints the credentials of a profile, from any folder.
struct Command {
    program: String,
    config: Option<String>,
    given: Settings,
}

impl Command {
    fn new(arguments: &Sync) -> Result<Self> {
        let this = std::env::current_exe().map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Output, format!("the path of this program cannot be found: {error}"))
                .with_source(error)
        })?;
        // The program that answers from the cache is in the same folder.
        let front = this.with_file_name(format!("tempaccess{}", std::env::consts::EXE_SUFFIX));
        let program = text(if front.exists() { front } else { this })?;
        let config = match &arguments.access.config {
            Some(file) => Some(text(absolute_path(file)?)?),
            // Programs may be started without the variable.
            None if std::env::var_os("TEMPACCESS_CONFIG").is_some_and(|file| !file.is_empty()) => {
                Some(text(absolute_path(&Config::file()?)?)?)
            }
            None => None,
        };
        let given = arguments.access.settings().absolute()?;
        if given.source.as_deref() == Some("-") {
            let message = "a profile cannot read the SAML response from standard input";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
                .with_hint("give another `--source`, such as `file:PATH`"));
        }
        Ok(Self { program, config, given })
    }

    /// The words of the command. Its last words need no quotes: some readers take those away that enclose a whole value.
    fn of_profile(&self, profile: Option<&str>, role: &Settings) -> Vec<String> {
        let option = |name: &str, value: Option<&str>| match value {
            Some(value) if value.starts_with('-') => vec![format!("{name}={value}")],
            Some(value) => vec![name.to_owned(), value.to_owned()],
            None => Vec::new(),
        };
        let mut words = vec![self.program.clone(), "credentials".to_owned()];
        words.extend(option("--config", self.config.as_deref()));
        words.extend(self.given.arguments());
        words.extend(option("--profile", profile));
        words.extend(role.arguments());
        words.extend(option("--output", Some("credential-process")));
        words
    }
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn text(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|path| {
        let message =
            format!("the path `{}` is not valid Unicode, so it cannot be in the AWS config file", path.display());
        Error::new(ErrorKind::InvalidArgument, Stage::Output, message)
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use tempaccess_core::config::{NextRole, Settings};

    use crate::args::{Arguments, Command};

    /// Every setting that an option can set. A new one has to be added here.
    fn every_setting() -> Settings {
        let text = |text: &str| Some(text.to_owned());
        let mut next = NextRole::new("arn:aws:iam::444455556666:role/Deploy");
        next.external_id = text("contract");
        let mut settings = Settings::default();
        settings.source = text("saml:/metadata.xml");
        settings.auth = text("idx");
        settings.client_id = text("0oa1");
        settings.username = text("-ada@example.com");
        settings.factor = text("push");
        settings.remember_device = Some(true);
        settings.browser = text("/opt/chromium --no-sandbox");
        settings.headless = Some(true);
        settings.acs_url = text("http://127.0.0.1:35001/saml");
        settings.role = text("-*");
        settings.account = text("111122223333");
        settings.provider = text("Okta");
        settings.chain = Some(vec![NextRole::new("arn:aws:iam::444455556666:role/Jump"), next]);
        settings.duration = text("45m");
        settings.policy = text("/policy.json");
        settings.policy_arns =
            Some(vec!["arn:aws:iam::aws:policy/A".to_owned(), "arn:aws:iam::aws:policy/B".to_owned()]);
        settings.region = text("eu-west-1");
        settings.sts_endpoint_url = text("http://127.0.0.1:1");
        settings.store = text("file");
        settings.reason = text("why");
        settings.audit_log = Some("/audit.jsonl".into());
        settings
    }

    #[test]
    fn arguments_are_read_as_the_settings_that_they_were_written_from() {
        let settings = every_setting();
        let words = ["tempaccess", "credentials", "--output", "credential-process"].map(str::to_owned);
        let arguments = Arguments::try_parse_from(words.into_iter().chain(settings.arguments())).unwrap();
        let Command::Credentials(read) = arguments.command else { panic!("another command") };
        let (_, read) = read.chosen.into_parts().unwrap();
        assert_eq!(read, settings);
        // None is missing above but those of the configuration file alone.
        let set = serde_json::to_value(&settings).unwrap();
        for (key, option) in Settings::OPTIONS {
            assert_eq!(set.get(key).is_some(), option.is_some(), "{key}");
        }
    }

    #[test]
    fn every_option_of_credentials_is_a_setting_or_known_not_to_be_one() {
        const OTHERS: [&str; 11] = [
            "--all",
            "--config",
            "--external-id",
            "--no-interactive",
            "--no-open",
            "--output",
            "--overwrite",
            "--password-stdin",
            "--profile",
            "--qr",
            "--write-profile",
        ];
        let command = Arguments::command();
        let credentials = command.find_subcommand("credentials").unwrap();
        let options: Vec<_> = credentials.get_arguments().filter_map(|argument| argument.get_long()).collect();
        let is_known = |option: &str| {
            OTHERS.contains(&option) || Settings::OPTIONS.iter().any(|(_, known)| *known == Some(option))
        };
        for option in &options {
            assert!(is_known(&format!("--{option}")), "--{option}");
        }
        for (key, option) in Settings::OPTIONS {
            let name = option.map_or_else(|| key.replace('_', "-"), |option| option.trim_start_matches('-').to_owned());
            assert_eq!(options.contains(&name.as_str()), option.is_some(), "{key}");
        }
    }
}
