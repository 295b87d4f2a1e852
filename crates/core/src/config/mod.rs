//! The configuration that every front end shares: what is asked for now, over the environment, over a profile.

mod accounts;
mod chain;
mod credentials_file;
mod edit;
mod env;
mod file;
mod import;
mod paths;
mod places;
mod profiles;
mod settings;
mod source;
mod store;

pub use chain::NextRole;
pub use credentials_file::{ExistingProfile, default_profile_with_credentials, write_aws_credentials};
pub use env::{ENVIRONMENT, Variable};
pub use file::{Added, Config};
pub use import::{Imported, OtherTool};
pub use paths::absolute_path;
use places::default_browser_folder;
pub use places::{default_audit_log, default_config_file, default_store_folder};
pub use profiles::{
    AwsProfile, AwsProfiles, Skipped, SyncOptions, Synced, aws_config_with, names_for_roles, sync_aws_profiles,
};
pub use settings::Settings;
pub use source::SourceSpec;
pub use store::StoreChoice;
