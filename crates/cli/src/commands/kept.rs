//! `status` and `logout`.

use std::io::Write;

use tempaccess_core::config::Settings;
use tempaccess_core::sink::KeptList;
use tempaccess_core::{Clock, Result, SystemClock, TempAccessBuilder};

use super::{config, print, print_json};
use crate::args::{Logout, Output, Status};
use crate::render;

pub(super) async fn logout(arguments: &Logout) -> Result<()> {
    let config = config(arguments.access.config.as_deref())?;
    let settings = arguments.access.settings().resolve(&config, arguments.access.profile.as_deref())?;
    if !arguments.all {
        let access = settings.access(&config, None)?.build();
        let done = [(access.source(), access.sign_out().await?)];
        return match arguments.output {
            Output::Json => print_json(&render::signed_out_json(&done)),
            Output::Text => print(&render::signed_out(&done)),
        };
    }
    let resolved = |name: &String| arguments.access.settings().resolve(&config, Some(name)).ok();
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
                Ok(out) => done.push((access.source(), out)),
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

pub(super) fn status(arguments: &Status) -> Result<()> {
    let config = config(None)?;
    let settings = Settings { store: arguments.store.store.clone(), ..Settings::default() }.resolve(&config, None)?;
    let store = settings.store()?;
    let kept = KeptList::new(store.as_deref())?;
    match (arguments.output, &kept.store) {
        (Output::Json, _) => print_json(&kept),
        (Output::Text, None) => print("Nothing is kept: the store is `none`"),
        (Output::Text, Some(place)) => print(&render::kept(&kept.entries, place, SystemClock.now())),
    }
}
