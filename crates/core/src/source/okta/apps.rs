//! The AWS apps of a person, where no link of one is configured.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::agent::Agent;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::Prompter;
use crate::text::printable;

/// Okta's name of its "AWS Account Federation".
const AWS: &str = "amazon_aws";
/// Nobody has more apps than stand on so many pages.
const PAGES: usize = 50;

/// One app of a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppLink {
    #[serde(default)]
    label: String,
    link_url: String,
    #[serde(default)]
    app_name: String,
    #[serde(default)]
    app_instance_id: String,
}

/// The one AWS app that the person has, or chooses. `bearer` is an access token; without one, the session's cookies do.
pub(super) async fn choose(agent: &Agent<'_>, bearer: Option<&SecretString>, prompter: &dyn Prompter) -> Result<Url> {
    let mut apps = list(agent, bearer).await?;
    let chosen = match apps.len() {
        0 => {
            return Err(Error::new(
                ErrorKind::IdentityProviderRefused,
                Stage::SignIn,
                format!("you have no AWS app at `{}`", agent.host()),
            )
            .with_hint(
                "the Okta administrator assigns one to you (Applications > AWS Account Federation > Assignments); where it is \
                 an app of another kind, give its link as the source",
            ));
        }
        1 => 0,
        _ => {
            let named = |app: &AppLink| printable(&format!("{} ({})", app.label, app.app_instance_id)).into_owned();
            let chosen = prompter.choose("AWS app", &apps.iter().map(named).collect::<Vec<_>>()).await?;
            prompter.tell("Give the app's link as the source, and this is not asked again");
            chosen
        }
    };
    if chosen >= apps.len() {
        return Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "there is no such app"));
    }
    agent.within_org(&apps.swap_remove(chosen).link_url)
}

async fn list(agent: &Agent<'_>, bearer: Option<&SecretString>) -> Result<Vec<AppLink>> {
    let mut next = Some(agent.within_org("/api/v1/users/me/appLinks")?);
    let mut apps: Vec<AppLink> = Vec::new();
    for _ in 0..PAGES {
        let Some(page) = next else { return Ok(apps) };
        let (answer, after) = agent.get_json(&page, bearer).await?;
        let Value::Array(links) = answer else {
            return Err(Error::new(
                ErrorKind::IdentityProviderError,
                Stage::SignIn,
                "Okta did not list your apps as it should",
            ));
        };
        // An app that is described in some other way is not the one that is looked for.
        let links = links.into_iter().filter_map(|link| serde_json::from_value::<AppLink>(link).ok());
        apps.extend(links.filter(|app| app.app_name == AWS));
        next = after;
    }
    Err(Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, "Okta's list of apps does not come to an end"))
}

/// The instance id of the app behind an embed link: `/home/amazon_aws/0oa…/272`.
pub(super) fn instance_id(app: &Url) -> Result<String> {
    let mut path = app.path_segments().into_iter().flatten();
    let id = match (path.next(), path.next(), path.next()) {
        (Some("home"), Some(_), Some(id)) if !id.is_empty() => Some(id.to_owned()),
        _ => None,
    };
    id.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{app}` does not name the app's id"))
            .with_hint(
                "device authorization needs the embed link of Okta's own AWS app, `https://acme.okta.com/home/amazon_aws/0oa…/272`; \
                 another app signs in with `--auth browser`",
            )
    })
}
