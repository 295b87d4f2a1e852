//! The configuration that every front end shares: what is asked for now, over the environment, over a profile.

mod accounts;
mod chain;
mod edit;
mod env;
mod file;
mod import;
mod profiles;
mod settings;
mod source;
mod store;

pub use chain::NextRole;
pub use env::{ENVIRONMENT, Variable};
use file::default_browser_folder;
pub use file::{Added, Config, default_audit_log, default_config_file, default_store_folder};
pub use import::{Imported, OtherTool};
pub use profiles::{AwsProfile, Synced, aws_config_with, names_for_roles, sync_aws_profiles};
pub use settings::Settings;
pub use source::SourceSpec;
pub use store::StoreChoice;
