//! The configuration that every front end shares: arguments override the environment, which overrides the profile.

mod accounts;
mod arguments;
mod chain;
mod console;
mod credentials_file;
mod edit;
mod env;
mod file;
#[cfg(feature = "grants")]
mod grants;
mod import;
pub(crate) mod paths;
mod places;
mod profiles;
#[cfg(feature = "grants")]
mod services;
mod settings;
mod source;
mod store;
mod words;

#[cfg(feature = "grants")]
pub(crate) use arguments::read_arguments;
#[doc(hidden)]
pub use arguments::{WrongArgument, settings_from_arguments};
pub use chain::NextRole;
pub use console::{ConsoleBrowser, ConsoleSettings};
pub use credentials_file::{ExistingProfile, write_aws_credentials};
#[doc(hidden)]
pub use credentials_file::{default_profile_with_credentials, settings_over_credentials};
pub use env::{ENVIRONMENT, Variable};
#[doc(hidden)]
pub use file::nearest;
pub use file::{Added, Config};
#[cfg(feature = "grants")]
pub use grants::{GrantPreset, GrantSettings};
pub use import::{Imported, OtherTool};
pub use paths::absolute_path;
use places::default_browser_folder;
#[cfg(feature = "grants")]
pub(crate) use places::state_place;
pub use places::{default_audit_log, default_config_file, default_store_folder};
#[doc(hidden)]
pub use profiles::names_for_roles;
pub use profiles::{AwsProfile, AwsProfiles, SkippedProfile, SyncOptions, Synced, aws_config_with, sync_aws_profiles};
#[cfg(feature = "grants")]
pub(crate) use services::transport;
pub use settings::Settings;
#[cfg(feature = "grants")]
pub(crate) use settings::read_policy;
pub use source::SourceSpec;
pub use store::StoreChoice;
