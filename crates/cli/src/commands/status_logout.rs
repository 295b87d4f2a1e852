//! `status` and `logout`.

use std::io::Write;

use tempaccess_core::config::Settings;
use tempaccess_core::sink::CachedEntries;
use tempaccess_core::{Clock, Result, clock::SystemClock, session::TempAccessBuilder};

use super::{config, print, print_json};
use crate::args::{Logout, Output, Status, one_profile};
use crate::render;

pub(super) async fn logout(arguments: Logout) -> Result<()> {
    let given = arguments.sign_in.into_access()?;
    let config = config(given.config.as_deref())?;
    let settings = given.settings().resolve(&config, given.profile.as_deref())?;
    if !arguments.all {
        let access = settings.access(&config, None)?.build();
        let done = [(access.describe_source(), access.sign_out().await?)];
        return match arguments.output {
            Output::Json => print_json(&render::signed_out_json(&done)),
            Output::Text => print(&render::signed_out(&done)),
        };
    }
    let resolved = |name: &String| given.settings().resolve(&config, Some(name)).ok();
    let of_profiles = config.profiles.keys().filter_map(resolved);
    let mut everyone: Vec<_> = of_profiles.chain([settings.clone()]).filter(|it| it.source.is_some()).collect();
    let who = |settings: &Settings| (settings.source.clone(), settings.username.clone(), settings.client_id.clone());
    everyone.sort_by_key(who);
    everyone.dedup_by_key(|settings| who(settings));
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    // What keeps one session from ending keeps nothing else from being forgotten.
    for settings in everyone {
        let access = settings.access(&config, None).map(TempAccessBuilder::build);
        match access {
            Ok(access) => match access.sign_out().await {
                Ok(out) => done.push((access.describe_source(), out)),
                Err(error) => failed.push(error),
            },
            Err(error) => failed.push(error),
        }
    }
    let rest = settings.store().and_then(|store| store.map_or(Ok(0), |store| store.clear()));
    let rest = rest.unwrap_or_else(|error| {
        failed.push(error);
        0
    });
    match arguments.output {
        Output::Json => print_json(&render::signed_out_json(&done))?,
        Output::Text => print(&format!("{}{}", render::signed_out(&done), render::also_forgotten(rest)))?,
    }
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(()) };
    for error in failed {
        let _ = writeln!(std::io::stderr(), "{}", render::error(&error, arguments.output == Output::Json));
    }
    Err(first)
}

pub(super) fn status(arguments: Status) -> Result<()> {
    let profile = one_profile(arguments.profile_name, arguments.profile)?;
    let config = config(arguments.config.as_deref())?;
    let mut given = Settings::default();
    given.store = arguments.store.store;
    let settings = given.resolve(&config, profile.as_deref())?;
    let store = settings.store()?;
    let mut cached = CachedEntries::new(store.as_deref())?;
    if profile.is_some() {
        let source = settings.access(&config, None)?.build().describe_source();
        cached.entries.retain(|entry| entry.source == source);
    }
    match (arguments.output, &cached.store) {
        (Output::Json, _) => print_json(&cached),
        (Output::Text, None) => print("Nothing is cached: the store is `none`"),
        (Output::Text, Some(place)) => print(&render::cached(&cached.entries, place, SystemClock.now())),
    }
}
